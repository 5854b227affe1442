import {
  type CallToolResult,
  type InputRequiredResult,
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/server';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import { connectLink } from '../../connections';
import { membersOf, memberText, withMembers } from '../../json-members';
import { words } from '../../ui';
import {
  aboutPrincipal,
  type CredentialError,
  CredentialMissing,
  lockOf,
  needsConnection,
  type Tool,
  type UpstreamConnection,
  type View,
} from '../../upstream';
import { MERGED } from './names';

/*
 * A server that the person hasn't connected, or isn't connected to any more ("locked"). Until they connect it, it has
 * one tool, whose answer is the link. The tool needs no scope, because it does nothing by itself.
 */

/** The name of a server's connect tool, at every endpoint. */
function connectName({ name }: ServerSetting): string {
  return MERGED.name(name, 'connect');
}

/** Whether this is the name of the server's connect tool. False for a server that needs no connection. */
export function isConnectTool(server: ServerSetting, name: string): boolean {
  return needsConnection(server) && name === connectName(server);
}

/** The tool that a locked server has instead of its own tools. */
export function connectTool(server: ServerSetting): Tool {
  const { title, describe } = words.connection.tool;
  const name = titleOf(server);
  const hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true };
  const tool = {
    name: connectName(server),
    title: title(name),
    description: describe(name, server.description),
    inputSchema: { type: 'object', properties: {} },
    annotations: { title: title(name), ...hints },
  };
  return tool;
}

/** A call of a tool of a locked server. */
export interface LockedCall {
  server: ServerSetting;
  /** Why there is no credential. */
  lock: CredentialError;
  /** The name that was called. */
  name: string;
}

/** The name of the gate's own input request (MCP 2026-07-28, `inputRequests`). Its answer isn't sent to the server. */
const CONNECT = 'gatehouse-connect';

/**
 * The change to a request's `params` (as JSON text) that leaves out the client's answer to the gate's own question
 * (MCP 2026-07-28, `inputResponses`): its server gets the answers to its own. Empty when there is none to leave out.
 */
export function serverAnswers(params: string): Record<string, string | undefined> {
  const answers = memberText(params, 'inputResponses');
  if (!answers?.startsWith('{')) return {};
  const names = [...membersOf(answers).keys()];
  const own = names.filter((name) => name === CONNECT);
  if (own.length === 0) return {};
  const left = withMembers(answers, Object.fromEntries(own.map((name) => [name, undefined])));
  return { inputResponses: own.length === names.length ? undefined : left };
}

type Answer = CallToolResult | InputRequiredResult;

/**
 * Answers a call of a locked server's tool, or of its connect tool, with the link to connect it.
 *
 * @returns an input request with the link for a 2026 client that can open links, else a result with the link as text;
 * when the provider is unavailable, an error result with the time to wait
 * @throws `UrlElicitationRequiredError` for a 2025 client that can open links (MCP, "URL mode elicitation")
 */
export async function askToConnect(
  view: View,
  { server, lock, name }: LockedCall,
  ctx: ServerContext,
): Promise<Answer> {
  const { work, principal } = view;
  const { reason, detail, retry_after = 1 } = lock;
  record(work, {
    event: 'connection_missing',
    outcome: 'refused',
    reason,
    detail,
    tool: name,
    server: server.name,
    ...aboutPrincipal(principal),
  });
  const title = titleOf(server);
  if (reason === 'provider_unavailable') {
    return textResult(words.connection.unconnected.provider_unavailable(title, retry_after), true);
  }
  const { url, code } = await connectLink(deploymentOf(work), principal, server.name);
  const text = words.connection.code.withCode(words.connection.unconnected[reason](title, url), code);
  const { envelope, inputResponses } = ctx.mcpReq;
  if (!view.urlElicitation || inputResponses !== undefined)
    return textResult(text, !isConnectTool(server, name));
  const message = words.connection.code.withCode(words.connection.tool.elicit(title), code);
  if (envelope !== undefined) {
    return inputRequired({ inputRequests: { [CONNECT]: inputRequired.elicitUrl({ message, url }) } });
  }
  const elicitationId = crypto.randomUUID();
  view.elicited?.(server.name, elicitationId);
  throw new UrlElicitationRequiredError([{ mode: 'url', message, elicitationId, url }]);
}

/** The JSON-RPC error code for "connect first", in the range that JSON-RPC 2.0 leaves to servers. */
const CONNECTION_NEEDED = -32010;

/** The error of a request that only a locked server could answer: it has the link, or the time to wait. */
export async function connectionNeeded(
  { work, principal }: Pick<View, 'work' | 'principal'>,
  server: ServerSetting,
  { reason, detail, retry_after = 1 }: CredentialError,
): Promise<ProtocolError> {
  const missing = { event: 'connection_missing', outcome: 'refused', reason, detail } as const;
  record(work, { ...missing, server: server.name, ...aboutPrincipal(principal) });
  const title = titleOf(server);
  if (reason === 'provider_unavailable') {
    const text = words.connection.unconnected.provider_unavailable(title, retry_after);
    return new ProtocolError(ProtocolErrorCode.InternalError, text, { reason });
  }
  const { url, code } = await connectLink(deploymentOf(work), principal, server.name);
  const text = words.connection.code.withCode(words.connection.unconnected[reason](title, url), code);
  return new ProtocolError(CONNECTION_NEEDED, text, { reason, url });
}

/**
 * Does something at a server that only that server can do.
 *
 * @throws {@link connectionNeeded} when the server is locked, else what `act` throws
 */
export async function useUnlocked<T>(
  view: View,
  server: ServerSetting,
  act: (behind: UpstreamConnection) => Promise<T>,
): Promise<T> {
  try {
    return await view.use(server, act);
  } catch (error) {
    const lock = error instanceof CredentialMissing ? error.credential : await lockOf(view, server);
    throw lock ? await connectionNeeded(view, server, lock) : error;
  }
}

/** The answer of the connect tool when there is nothing left to connect. */
export function alreadyConnected(server: ServerSetting): CallToolResult {
  return textResult(words.connection.tool.done(titleOf(server)), false);
}

function textResult(text: string, isError: boolean): CallToolResult {
  return { content: [{ type: 'text', text }], ...(isError ? { isError } : {}) };
}

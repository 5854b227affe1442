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
 * A server that the person has not connected yet, or no longer: until they do, it shows one tool, whose answer is
 * the link. It needs no scope: it does nothing by itself.
 */

/** The name of a server's connect tool, wherever that is shown. */
function connectName({ name }: ServerSetting): string {
  return MERGED.name(name, 'connect');
}

/** Whether that is the name of the server's connect tool, if it has one. */
export function isConnectTool(server: ServerSetting, name: string): boolean {
  return needsConnection(server) && name === connectName(server);
}

/** The tool that a locked server shows in the place of its own. */
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

/** A call that met a server with no connection behind it. */
export interface LockedCall {
  server: ServerSetting;
  lock: CredentialError;
  /** What was called. */
  name: string;
}

/** Under which the gate itself asks for something; a server behind is told of no answer to it. */
const CONNECT = 'gatehouse-connect';

/** What a client answered to a server's questions, without the gate's own; undefined when that is nothing. */
export function toTheServer(inputResponses: object | undefined): Record<string, unknown> | undefined {
  const answers = Object.entries(inputResponses ?? {}).filter(([name]) => name !== CONNECT);
  return answers.length === 0 ? undefined : Object.fromEntries(answers);
}

type Answer = CallToolResult | InputRequiredResult;

/**
 * Answers a call of a locked server's tool, or of its connect tool, with the link: by URL elicitation where the
 * client can (MCP, "Elicitation", both eras), else as a result that says what to do.
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
    return told(words.connection.told.provider_unavailable(title, retry_after), true);
  }
  const { url, code } = await connectLink(deploymentOf(work), principal, server.name);
  const text = words.connection.code.told(words.connection.told[reason](title, url), code);
  const { envelope, inputResponses } = ctx.mcpReq;
  if (!view.urlElicitation || inputResponses !== undefined) return told(text, !isConnectTool(server, name));
  const message = words.connection.code.told(words.connection.tool.elicit(title), code);
  if (envelope !== undefined) {
    return inputRequired({ inputRequests: { [CONNECT]: inputRequired.elicitUrl({ message, url }) } });
  }
  const elicitationId = crypto.randomUUID();
  view.elicited?.(server.name, elicitationId);
  throw new UrlElicitationRequiredError([{ mode: 'url', message, elicitationId, url }]);
}

/** "Connect first", for requests that need the server itself; of this gate, in the range that is left to servers. */
const CONNECTION_NEEDED = -32010;

/** What a request that only a locked server could answer is told, in the place of a tool's result. */
export async function connectionNeeded(
  { work, principal }: Pick<View, 'work' | 'principal'>,
  server: ServerSetting,
  { reason, detail, retry_after = 1 }: CredentialError,
): Promise<ProtocolError> {
  const missing = { event: 'connection_missing', outcome: 'refused', reason, detail } as const;
  record(work, { ...missing, server: server.name, ...aboutPrincipal(principal) });
  const title = titleOf(server);
  if (reason === 'provider_unavailable') {
    const text = words.connection.told.provider_unavailable(title, retry_after);
    return new ProtocolError(ProtocolErrorCode.InternalError, text, { reason });
  }
  const { url, code } = await connectLink(deploymentOf(work), principal, server.name);
  const text = words.connection.code.told(words.connection.told[reason](title, url), code);
  return new ProtocolError(CONNECTION_NEEDED, text, { reason, url });
}

/** Uses a server for a request that only it could answer. */
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
  return told(words.connection.tool.done(titleOf(server)), false);
}

function told(text: string, isError: boolean): CallToolResult {
  return { content: [{ type: 'text', text }], ...(isError ? { isError } : {}) };
}

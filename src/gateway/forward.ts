import type { Context } from 'hono';
import { record } from '../audit';
import type { ServerSetting } from '../config';
import { siteOf } from '../site';
import { findTool, listTools, type Tools } from './catalogue';
import { challengeScope } from './challenge';
import { isRefusal, type Message, readMessage, STATELESS_VERSION } from './message';
import { about, fault, type Passage } from './passage';
import { judgeTool } from './policy';
import type { Principal } from './principal';
import { answerFrom } from './relay';
import { rpcError, type ServerFault } from './rpc-error';
import { openSessionId } from './session-id';
import { authenticateToServer, callServer, forwardedHeaders, serverResource } from './upstream';

const UNKNOWN_TOOL = -32602;
const SESSION_NOT_FOUND = -32001;

/**
 * `/mcp/{server}` for a known principal: what the client sent goes to the server, and what it answers comes
 * back, as they are but for what policy must change.
 */
export async function forward(c: Context, server: ServerSetting, principal: Principal): Promise<Response> {
  const request = c.req.raw;
  if (!['POST', 'GET', 'DELETE'].includes(request.method)) return methodNotAllowed();
  const message =
    request.method === 'POST' ? await readMessage(request, server.max_request_bytes) : undefined;
  if (message && isRefusal(message)) return rpcError(message);
  const stateless = message
    ? message.era === 'modern'
    : request.headers.get('mcp-protocol-version') === STATELESS_VERSION;
  if (!message && stateless) return methodNotAllowed();

  const passage = await openPassage(c, server, principal, stateless);
  if (!passage) {
    const id = message?.id ?? null;
    return rpcError({ status: 404, code: SESSION_NOT_FOUND, message: 'Session not found', id });
  }
  if (message?.method === 'tools/call') {
    const refused = await refuseCall(passage, message);
    if (refused) return refused;
  }
  const answer = await send(passage, { method: request.method, body: message?.bytes });
  return typeof answer === 'string' ? fault(passage, answer, message) : answerFrom(passage, message, answer);
}

async function openPassage(
  c: Context,
  server: ServerSetting,
  principal: Principal,
  stateless: boolean,
): Promise<Passage | undefined> {
  const owner = { server: server.name, user: principal.user.id, client: principal.client.id };
  const catalogueKey = JSON.stringify([server.name, principal.user.id]);
  const sealed = stateless ? undefined : c.req.header('mcp-session-id');
  const session = sealed === undefined ? undefined : await openSessionId(siteOf(c), owner, sealed);
  if (sealed !== undefined && session === undefined) return undefined;
  return { c, server, principal, owner, catalogueKey, session };
}

/** Refuses a call that policy doesn't allow, without asking the server; undefined when it may go on. */
async function refuseCall(passage: Passage, message: Message): Promise<Response | undefined> {
  const { c, server, principal, catalogueKey } = passage;
  const name = message.params.name;
  const id = message.id ?? null;
  const unknown = () =>
    rpcError({ status: 200, code: UNKNOWN_TOOL, message: `Unknown tool: ${String(name)}`, id });
  if (typeof name !== 'string') return unknown();
  let tool: Awaited<ReturnType<typeof findTool>>;
  try {
    tool = await findTool(catalogueKey, name, () => askForTools(passage, message));
  } catch (error) {
    const reason = error instanceof ServerFailure ? error.fault : 'server_not_mcp';
    return fault(passage, reason, message, error instanceof Error ? error.message : undefined);
  }
  const judged = tool ? judgeTool(tool, server, principal) : { verdict: 'absent' as const };
  if (judged.verdict === 'allowed') return undefined;
  record(c, {
    ...about(passage),
    event: 'tool_call',
    outcome: 'refused',
    reason: judged.verdict,
    detail: name,
  });
  if (judged.verdict === 'absent') return unknown();
  return challengeScope(c, serverResource(siteOf(c), server), judged.needed);
}

/** The server's tools, asked for in the session or with the `_meta` of the request that needs to know. */
function askForTools(passage: Passage, message: Message): Promise<Tools> {
  const meta = message.era === 'modern' ? message.params._meta : undefined;
  const ask = async (body: object, headers: Record<string, string>) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const answer = await send(passage, { method: 'POST', body: bytes, headers });
    if (typeof answer === 'string') throw new ServerFailure(answer);
    return answer;
  };
  return listTools(ask, meta, passage.server.max_list_bytes);
}

class ServerFailure extends Error {
  constructor(readonly fault: ServerFault) {
    super(fault);
  }
}

async function send(
  passage: Passage,
  request: { method: string; body?: Uint8Array | undefined; headers?: Record<string, string> },
): Promise<Response | ServerFault> {
  const { c, server, principal, session } = passage;
  const headers = forwardedHeaders(c.req.raw.headers);
  if (request.headers) {
    for (const name of [...headers.keys()])
      if (name.startsWith('mcp-param-') || name === 'mcp-name') headers.delete(name);
    for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  }
  if (session !== undefined) headers.set('mcp-session-id', session);
  await authenticateToServer(siteOf(c), server, principal, headers);
  const { method, body } = request;
  return callServer(c, server, principal, { method, headers, body, signal: c.req.raw.signal });
}

function methodNotAllowed(): Response {
  const response = rpcError({ status: 405, code: -32000, message: 'Method not allowed' });
  response.headers.set('Allow', 'POST');
  return response;
}

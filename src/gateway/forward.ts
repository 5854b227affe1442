import type { Context } from 'hono';
import { record } from '../audit';
import type { ServerSetting } from '../config';
import { siteOf } from '../site';
import { serveAlone } from './alone';
import { catalogueKey, catalogueOf, findTool, listTools, type Tools } from './catalogue';
import { challengeScope } from './challenge';
import { limitCalls } from './limits';
import { isConnectTool, toTheServer } from './merged/connect-tool';
import { type Message, readRequest } from './message';
import { about, fault, type Passage } from './passage';
import { judgeTool } from './policy';
import type { Principal } from './principal';
import { answerFrom } from './relay';
import { rpcError, type ServerFault, unknownTool } from './rpc-error';
import { accountAt } from './server-credentials';
import { openSessionId } from './session-id';
import { goOnWithOwn } from './stand-in';
import { callServerAs, forwardedHeaders, type NoCredential, serverResource } from './upstream';
import { answerWithout, withoutCredential } from './without-credential';

const SESSION_NOT_FOUND = -32001;

/**
 * `/mcp/{server}` for a known principal: what the client sent goes to the server, and what it answers comes
 * back, as they are but for what policy must change.
 */
export async function forward(c: Context, server: ServerSetting, principal: Principal): Promise<Response> {
  const read = await readRequest(c.req.raw, server.max_request_bytes);
  if (read instanceof Response) return read;
  const limited = await limitCalls(c, principal, read.message);
  if (limited) return limited;
  const own = await goOnWithOwn(c, principal, read);
  if (own) return own;
  const { message, stateless } = read;
  const passage = await openPassage(c, server, principal, stateless);
  if (!passage) return sessionNotFound(message);
  const missing = await withoutCredential(passage, message);
  if (missing) return missing;
  if (message?.method === 'tools/call') {
    const refused = await refuseCall(passage, message);
    if (refused) return refused;
  }
  const answer = await send(passage, {
    method: c.req.method,
    body: message && bytesOf(message),
    signal: AbortSignal.any([c.req.raw.signal, passage.stop.signal]),
  });
  if (typeof answer === 'string') return fault(passage, answer, message);
  if ('credential' in answer) return answerWithout(passage, answer.credential, message);
  if (message?.method === 'tools/call') {
    const detail = String(message.params.name);
    record(c, { ...about(passage), event: 'tool_call', outcome: 'ok', detail });
  }
  return answerFrom(passage, message, answer);
}

async function openPassage(
  c: Context,
  server: ServerSetting,
  principal: Principal,
  stateless: boolean,
): Promise<Passage | undefined> {
  const owner = { server: server.name, user: principal.user.id, client: principal.client.id };
  const sealed = stateless ? undefined : c.req.header('mcp-session-id');
  const session = sealed === undefined ? undefined : await openSessionId(siteOf(c), owner, sealed);
  if (sealed !== undefined && session === undefined) return undefined;
  return { c, server, principal, owner, session, stop: new AbortController() };
}

/** What the client sent, but for its answer to the gate's own question (MCP 2026-07-28, `inputResponses`). */
function bytesOf({ bytes, params: { inputResponses } }: Message): Uint8Array {
  const answers = inputResponses as object | undefined;
  const forServer = toTheServer(answers);
  if (Object.keys(answers ?? {}).length === Object.keys(forServer ?? {}).length) return bytes;
  const message = JSON.parse(new TextDecoder().decode(bytes)) as { params: object };
  const params = { ...message.params, inputResponses: forServer };
  return new TextEncoder().encode(JSON.stringify({ ...message, params }));
}

/** Refuses a call that policy doesn't allow, without asking the server; undefined when it may go on. */
async function refuseCall(passage: Passage, message: Message): Promise<Response | undefined> {
  const { c, server, principal } = passage;
  const name = message.params.name;
  if (typeof name !== 'string') return unknownTool(name, message.id);
  let tool: Awaited<ReturnType<typeof findTool>>;
  try {
    const account = await accountAt(siteOf(c), principal, server);
    tool = await findTool(catalogueOf(c.env), catalogueKey(server, principal, account), name, () =>
      askForTools(passage, message),
    );
  } catch (error) {
    if (error instanceof SessionEnded) return sessionNotFound(message);
    if (error instanceof CredentialEnded) return answerWithout(passage, error.none.credential, message);
    const reason = error instanceof ServerFailure ? error.fault : 'server_not_mcp';
    return fault(passage, reason, message, error instanceof Error ? error.message : undefined);
  }
  const judged = tool ? judgeTool(tool, server, principal) : { verdict: 'absent' as const };
  if (judged.verdict === 'allowed') return undefined;
  // A client that still has the list from before.
  if (judged.verdict === 'absent' && isConnectTool(server, name)) return serveAlone(c, principal, message);
  record(c, {
    ...about(passage),
    event: 'tool_call',
    outcome: 'refused',
    reason: judged.verdict,
    detail: name,
  });
  if (judged.verdict === 'absent') return unknownTool(name, message.id);
  return challengeScope(c, serverResource(siteOf(c), server), judged.needed);
}

/**
 * The server's tools, asked for in the session or with the `_meta` of the request that needs to know. Others
 * may wait for the same answer, so it doesn't end with the client that asked first, but with the time.
 */
function askForTools(passage: Passage, message: Message): Promise<Tools> {
  const { c, server, session } = passage;
  const meta = message.era === 'modern' ? message.params._meta : undefined;
  const signal = AbortSignal.timeout(server.timeout * 1000);
  const ask = async (body: object, headers: Record<string, string>) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const answer = await send(passage, { method: 'POST', body: bytes, headers, signal });
    if (typeof answer === 'string') throw new ServerFailure(answer);
    if ('credential' in answer) throw new CredentialEnded(answer);
    if (!answer.ok) await answer.body?.cancel();
    if (answer.status === 401 || answer.status === 403) throw new ServerFailure('server_refuses_gate');
    // A session that the server has forgotten: 404; some say 400, as for a request without one.
    if ((answer.status === 404 || answer.status === 400) && session !== undefined) throw new SessionEnded();
    return answer;
  };
  // A read that waits for a server that has gone quiet does not end with the signal by itself.
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new ServerFailure('server_too_slow')), { once: true });
  });
  const tools = Promise.race([listTools(ask, meta, server.max_list_bytes), late]);
  c.executionCtx.waitUntil(tools.catch(() => undefined));
  return tools;
}

class ServerFailure extends Error {
  constructor(readonly fault: ServerFault) {
    super(fault);
  }
}

class SessionEnded extends Error {}

class CredentialEnded extends Error {
  constructor(readonly none: NoCredential) {
    super(none.credential.reason);
  }
}

function sessionNotFound(message: Message | undefined): Response {
  const id = message?.id ?? null;
  return rpcError({ status: 404, code: SESSION_NOT_FOUND, message: 'Session not found', id });
}

async function send(
  passage: Passage,
  request: {
    method: string;
    body?: Uint8Array | undefined;
    headers?: Record<string, string>;
    signal: AbortSignal;
  },
): Promise<Response | ServerFault | NoCredential> {
  const { c, server, principal, session } = passage;
  const headers = forwardedHeaders(c.req.raw.headers);
  if (request.headers) {
    // What was said of the client's own message; its version stays, as its `_meta` does.
    for (const name of [...headers.keys()])
      if (name.startsWith('mcp-param-') || ['mcp-name', 'mcp-method'].includes(name)) headers.delete(name);
    for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  }
  if (session !== undefined) headers.set('mcp-session-id', session.id);
  const { method, body, signal } = request;
  return callServerAs(c, server, principal, { method, headers, body, signal, account: session?.account });
}

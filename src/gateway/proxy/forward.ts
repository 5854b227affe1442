import type { Context } from 'hono';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting } from '../../config';
import { serverResource } from '../../resource';
import { ok, type Result } from '../../result';
import { credentialsOf, needsConnection, type Principal, type UpstreamFailure } from '../../upstream';
import { toTheServer } from '../aggregate/connect-tool';
import { admitMethod } from '../request/admit-method';
import { limitCalls } from '../request/limits';
import { type Message, readRequest } from '../request/message';
import { paramHeaders, repeatedHeaders, setRepeated } from '../request/message-headers';
import { forwardedHeaders } from '../request/passed-headers';
import type { McpRefusal } from '../request/refusal';
import { isOwnSession } from '../session/serve';
import { serveAlone } from '../session/stateless';
import { admitCall } from './admit-call';
import { about, type NotForwarded, openProxyRequest, type ProxyRequest, serverFailed } from './proxy-request';
import { relay } from './relay';
import { send } from './send';
import { answerUnconnected, serveOwnSession } from './unconnected-server';

/**
 * `/mcp/{server}` for a known principal: what the client sent goes to the server, and what it answers comes
 * back, as they are but for what policy must change.
 */
export async function forward(
  c: Context,
  server: ServerSetting,
  principal: Principal,
): Promise<Result<Response, McpRefusal>> {
  const read = await readRequest(c.req.raw, server.max_request_bytes);
  if (!read.ok) return read;
  const { message, stateless } = read.value;
  const limited = await limitCalls(c, principal, message);
  if (!limited.ok) return limited;
  const resource = serverResource(deploymentOf(c), server);
  const admitted = admitMethod(c, message, principal, { resource, server });
  if (!admitted.ok) return admitted;
  // One that was begun before the server was connected.
  const isOwn = !stateless && (await isOwnSession(c, principal));
  if (isOwn) return ok(await serveOwnSession(c, principal, message));
  const request = await openProxyRequest(c, server, principal, read.value);
  if (!request.ok) return request;
  const answer = await exchange(request.value);
  return answer.ok ? answer : answerInstead(request.value, answer.error);
}

/** Sends a request to its server, if that is connected and policy allows it, and reads the answer. */
async function exchange(request: ProxyRequest): Promise<Result<Response, NotForwarded>> {
  const { c, message, stop } = request;
  const connected = await checkConnection(request);
  if (!connected.ok) return connected;
  const repeated = await admitMessage(request);
  if (!repeated.ok) return repeated;
  const began = Date.now();
  const answer = await send(request, {
    method: c.req.method,
    headers: setRepeated(forwardedHeaders(c.req.raw.headers), repeated.value),
    body: message && bytesOf(message),
    signal: AbortSignal.any([c.req.raw.signal, stop.signal]),
  });
  if (!answer.ok) return notAnswered(request, answer.error);
  if (message?.method === 'tools/call') {
    record(c, { ...about(request), event: 'tool_call', outcome: 'ok', duration_ms: Date.now() - began });
  }
  return relay(request, answer.value);
}

/** Whether the user has the credential that the server needs, before anything else is asked of it. */
async function checkConnection({ c, server, principal }: ProxyRequest): Promise<Result<void, NotForwarded>> {
  if (!needsConnection(server)) return ok(undefined);
  const credential = await credentialsOf(c).for(principal, server);
  if (credential.ok) return ok(undefined);
  return { ok: false, error: { reason: 'no_credential', credential: credential.error } };
}

/** Judges the tool that a message calls, if it does. Returns the headers that repeat the message. */
async function admitMessage(request: ProxyRequest): Promise<Result<[string, string][], NotForwarded>> {
  const { message } = request;
  if (!message) return ok([]);
  const { headers } = request.c.req.raw;
  const repeated = repeatedHeaders(message, headers);
  if (message.method !== 'tools/call') return ok(repeated);
  const tool = await admitCall(request, message);
  if (!tool.ok) return tool;
  const parameters = paramHeaders(headers, tool.value.inputSchema, message);
  return parameters.ok ? ok([...repeated, ...parameters.value]) : parameters;
}

function notAnswered(request: ProxyRequest, failure: UpstreamFailure): Result<never, NotForwarded> {
  if (failure.reason === 'no_credential') return { ok: false, error: failure };
  if (failure.reason === 'aborted') return { ok: false, error: { reason: 'client_gone' } };
  return serverFailed(request, failure.reason);
}

/** The gate's own answer where it has one in the place of the server's. */
async function answerInstead(
  request: ProxyRequest,
  refusal: NotForwarded,
): Promise<Result<Response, McpRefusal>> {
  const { c, principal, message } = request;
  if (refusal.reason === 'no_credential') return answerUnconnected(request, refusal.credential);
  if (refusal.reason !== 'connect_tool') return { ok: false, error: refusal };
  if (!message) throw new Error('a tool was called without a message');
  return ok(await serveAlone(c, principal, message));
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

import type { Context } from 'hono';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting } from '../../config';
import { memberText, withMembers } from '../../json-members';
import { serverResource } from '../../resource';
import { ok, type Result } from '../../result';
import { credentialsOf, needsConnection, type Principal, type UpstreamFailure } from '../../upstream';
import { serverAnswers } from '../aggregate/connect-tool';
import { admitMethod } from '../request/admit-method';
import { watchOver } from '../request/grant-watch';
import { limitCalls } from '../request/limits';
import { type Message, readRequest } from '../request/message';
import { paramHeaders, repeatedHeaders, setRepeated } from '../request/message-headers';
import { changesSomething } from '../request/methods';
import { forwardedHeaders } from '../request/passed-headers';
import type { McpRefusal } from '../request/refusal';
import { isOwnSession } from '../session/serve';
import { serveStateless } from '../session/stateless';
import { admitCall } from './admit-call';
import {
  about,
  endedRefusal,
  isCall,
  type NotForwarded,
  openProxyRequest,
  type ProxyRequest,
  type StopReason,
  serverFailed,
} from './proxy-request';
import { relay } from './relay';
import { send } from './send';
import { endCancelled, streamOf, takeOver } from './session-streams';
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
  const read = await readRequest(c.req.raw, server.max_request_bytes, 'server');
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
  if (!answer.ok) request.value.unwatch();
  return answer.ok ? answer : answerInstead(request.value, answer.error);
}

/** Sends a request to its server, if that is connected and policy allows it, and reads the answer. */
async function exchange(request: ProxyRequest): Promise<Result<Response, NotForwarded>> {
  const { c, message, stop } = request;
  const connected = await checkConnection(request);
  if (!connected.ok) return connected;
  const repeated = await admitMessage(request);
  if (!repeated.ok) return repeated;
  if (isCall(request)) await watchCall(request);
  const ask = () =>
    send(request, {
      method: c.req.method,
      headers: setRepeated(forwardedHeaders(c.req.raw.headers), repeated.value),
      body: message && bytesOf(message),
      signal: AbortSignal.any([c.req.raw.signal, stop.signal]),
      id: message?.id,
    });
  const began = Date.now();
  const first = await ask();
  const answer = c.req.method === 'GET' ? await takeOver(request, first, ask) : first;
  if (!answer.ok) return notAnswered(request, answer.error);
  if (message?.method === 'tools/call') {
    record(c, { ...about(request), event: 'tool_call', outcome: 'ok', duration_ms: Date.now() - began });
  }
  if (message?.method === 'notifications/cancelled') c.executionCtx.waitUntil(endCancelled(request));
  return relay(request, answer.value);
}

/** Ends a call when its grant does, or its client cancels it: also before the server has said anything. */
async function watchCall(request: ProxyRequest): Promise<void> {
  const { c, principal, server, message, stop } = request;
  const stream = await streamOf(request, message?.id);
  request.unwatch = watchOver(c, principal, { server, call: true, stream })((why) => {
    stop.abort((why === 'stream_ended' ? 'cancelled' : 'revoked') satisfies StopReason);
  });
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
  if (message.method !== 'tools/call') {
    request.mayHaveActed = message.method !== undefined && changesSomething(message.method);
    return ok(repeated);
  }
  const tool = await admitCall(request, message);
  if (!tool.ok) return tool;
  const isRead = tool.value.annotations?.readOnlyHint === true;
  const parameters = paramHeaders(headers, tool.value.inputSchema, message);
  if (!parameters.ok) return parameters;
  request.mayHaveActed = !isRead;
  return ok([...repeated, ...parameters.value]);
}

function notAnswered(request: ProxyRequest, failure: UpstreamFailure): Result<never, NotForwarded> {
  if (failure.reason === 'no_credential') return { ok: false, error: failure };
  if (failure.reason === 'aborted') {
    return { ok: false, error: endedRefusal(request) ?? { reason: 'client_gone' } };
  }
  if (failure.neverSent) request.mayHaveActed = false;
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
  return ok(await serveStateless(c, principal, message));
}

/**
 * What the client sent, but for its answer to the gate's own question (MCP 2026-07-28, `inputResponses`): without that
 * member, and every other byte as it was.
 */
function bytesOf({ bytes, params: { inputResponses } }: Message): Uint8Array {
  if (inputResponses === undefined) return bytes;
  const text = new TextDecoder().decode(bytes);
  const params = memberText(text, 'params') ?? '{}';
  const changes = serverAnswers(params);
  if (Object.keys(changes).length === 0) return bytes;
  return new TextEncoder().encode(withMembers(text, { params: withMembers(params, changes) }));
}

import { deploymentOf, titleOf } from '../../config';
import { decodeUtf8 } from '../../http';
import { isObject } from '../../json-text';
import { answerTypeOf } from '../../media-type';
import { ok, type Result } from '../../result';
import {
  type AnswerFilter,
  AnswerScan,
  credentialsOf,
  faultError,
  faultOfStatus,
  filterAnswer,
  maySendAgain,
  passScanned,
  publishedText,
  readErrorAnswer,
  readHead,
  rewriteEvents,
} from '../../upstream';
import { mediaType } from '../request/browser-request';
import { watchOver } from '../request/grant-watch';
import { returnedHeaders, saysEnough } from '../request/passed-headers';
import {
  type CallEnded,
  failureMessage,
  type RefusalFor,
  type RequestId,
  type ServerFailed,
} from '../request/refusal';
import { sealSessionId } from '../request/session-id';
import { keepStream, type StreamEnd } from './event-stream';
import {
  endedRefusal,
  failedRefusal,
  forgetServerTools,
  isCall,
  noteFault,
  type ProxyRequest,
  type StopReason,
  serverFailed,
} from './proxy-request';
import { streamOf } from './session-streams';

/** What is longer than this is looked at as it passes, except where a list may be: results of any size pass. */
const GLANCE_BYTES = 64 * 1024;

type Relayed = Result<Response, ServerFailed | CallEnded | RefusalFor<'session_not_found'>>;

/** The server's answer as the client gets it: in the gate's own media type, and without tools that aren't for them. */
export async function relay(request: ProxyRequest, answer: Response): Promise<Relayed> {
  const relayed = await relayAnswer(request, answer);
  const isStream = relayed.ok && relayed.value.headers.get('content-type') === 'text/event-stream';
  if (!isStream) request.unwatch();
  return relayed;
}

async function relayAnswer(request: ProxyRequest, answer: Response): Promise<Relayed> {
  const asked = request.message?.id !== undefined;
  if (!answer.ok && asked) return relayError(request, answer);
  if (answer.status === 401 || answer.status === 403) {
    await answer.body?.cancel();
    return serverFailed(request, 'server_refuses_gate', { detail: `${answer.status}` });
  }
  if (request.c.req.method === 'DELETE' && answer.ok) {
    await answer.body?.cancel();
    return ok(new Response(null, { status: 204 }));
  }
  return relayBody(request, answer, answer.status);
}

/**
 * The answer to a request when its status isn't 2xx. The server's own JSON-RPC error is the answer, whatever the
 * status; without one the gate says what happened, but for a 4xx that a client reads as a rule of the transport.
 */
async function relayError(request: ProxyRequest, answer: Response): Promise<Relayed> {
  const { session, message } = request;
  const { answers, response } = await readErrorAnswer(answer, message?.id);
  const { status, headers } = response;
  const refusesGate = status === 401 || status === 403;
  // To the client these would be about its own credential.
  if (answers === 'this') return relayBody(request, response, refusesGate ? 200 : status);
  if (answers === 'none' && status === 404) return relayBody(request, response, status);
  const inSession = session !== undefined;
  if (!refusesGate && maySendAgain({ outcome: 'status', status, answersIt: false, inSession })) {
    return { ok: false, error: { reason: 'session_not_found', id: message?.id } };
  }
  if (answers === 'none' && !refusesGate) return relayBody(request, response, status);
  const { fault, retryAfter } = faultOfStatus(status, headers);
  const isRule = fault === 'server_not_mcp' && message?.method !== 'tools/call';
  if (isRule) return ok(new Response(null, { status, headers: await headersOf(request, response) }));
  // It was refused before anything was done.
  if (status < 500) request.mayHaveActed = false;
  return serverFailed(request, fault, { detail: `${status}`, retryAfter });
}

async function relayBody(request: ProxyRequest, answer: Response, status: number): Promise<Relayed> {
  const init = { status, headers: await headersOf(request, answer) };
  const type = answerTypeOf(answer.headers);
  if (type && answer.body) {
    if (type === 'text/event-stream') return ok(new Response(await relayEvents(request, answer.body), init));
    const relayed = await relayJson(request, answer.body, init);
    const ended = endedRefusal(request);
    return ended ? { ok: false, error: ended } : relayed;
  }
  await answer.body?.cancel();
  // 202 for a notification, or a refusal that says enough by its status: 405 where there is no stream, 404
  // where a session has ended. A request that was accepted and gets no answer would be waited for.
  const unanswered = request.message?.id !== undefined && answer.ok;
  if (saysEnough(answer.status) && !unanswered) return ok(new Response(null, init));
  return serverFailed(request, 'server_not_mcp', { detail: `${answer.status} ${mediaType(answer)}` });
}

async function headersOf(request: ProxyRequest, answer: Response): Promise<Headers> {
  const headers = returnedHeaders(answer.headers);
  // RFC 9110 section 15.5.6: 405 says what is allowed.
  const others = ['GET', 'POST', 'DELETE'].filter((method) => method !== request.c.req.method);
  if (answer.status === 405) headers.set('allow', others.join(', '));
  const session = answer.headers.get('mcp-session-id');
  if (session !== null && request.message?.era !== 'modern') {
    // Servers repeat the id on every answer; to the client it is one and the same.
    const known = session === request.session?.id ? request.c.req.header('mcp-session-id') : undefined;
    headers.set('mcp-session-id', known ?? (await sealHere(request, session)));
  }
  return headers;
}

async function sealHere({ c, server, principal, owner }: ProxyRequest, session: string): Promise<string> {
  const account = await credentialsOf(c).accountAt(principal, server);
  return sealSessionId(deploymentOf(c), owner, session, account);
}

async function relayJson(
  request: ProxyRequest,
  body: ReadableStream<Uint8Array>,
  init: { status: number; headers: Headers },
): Promise<Relayed> {
  const filter = filterFor(request);
  const head = await readHead(body, filter.wantsTools ? request.server.max_list_bytes : GLANCE_BYTES);
  if (head.broken) return serverFailed(request, 'server_broke_off');
  if (head.rest) {
    const passed = filter.wantsTools ? undefined : passScanned(head);
    if (passed) return ok(new Response(passed, init));
    await head.rest.cancel();
    return serverFailed(request, filter.wantsTools ? 'server_list_too_large' : 'server_not_mcp');
  }
  const { bytes } = head;
  const scan = new AnswerScan();
  scan.push(bytes);
  // What is no UTF-8 is no JSON either.
  const filtered = filterAnswer(decodeUtf8(bytes) ?? '', scan.shape, filter);
  if (filtered.kind === 'refused') return serverFailed(request, 'server_not_mcp', { detail: 'unreadable' });
  return ok(new Response(filtered.kind === 'changed' ? filtered.text : bytes, init));
}

/**
 * A stream of events for as long as the grant lasts, with each list of tools filtered, and what the server says of
 * changes noted. Lists may come on a client's own stream too, where they are replayed.
 */
async function relayEvents(
  request: ProxyRequest,
  body: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  const { c, principal, server, message, stop } = request;
  const filter = filterFor(request);
  const isOwn = message === undefined;
  const maxBytes = filter.wantsTools || isOwn ? server.max_list_bytes : GLANCE_BYTES;
  let waits = isCall(request);
  const events = rewriteEvents({ maxBytes, tooLong: filter.wantsTools ? 'fail' : 'pass' }, (data, shape) => {
    if (data.includes('notifications/tools/list_changed')) forgetServerTools(request);
    // What begins a stream that a client can come back to has an id, and no message.
    if (data.trim() === '') return undefined;
    const filtered = filterAnswer(data, shape, filter);
    const refusedId = filtered.kind === 'refused' ? (filtered.id ?? message?.id) : undefined;
    waits &&= refusedId === undefined ? !isAnswer(data, message?.id) : refusedId !== message?.id;
    if (filtered.kind === 'changed') return filtered.text;
    return filtered.kind === 'pass' ? undefined : refusedEvent(request, refusedId);
  });
  if (!isCall(request)) {
    const stream = isOwn ? await streamOf(request) : undefined;
    request.unwatch = watchOver(c, principal, { server, stream })((why) => {
      stop.abort((why === 'stream_ended' ? 'replaced' : 'revoked') satisfies StopReason);
    });
  }
  return keepStream(body.pipeThrough(events), {
    stop,
    closed: request.unwatch,
    // An event that was too long to be looked at was probably the answer.
    owed: (end) => (waits && end.longest <= maxBytes ? owedMessage(request, end) : undefined),
  });
}

/** The last event of a stream that ends before the answer to its request. */
function owedMessage(request: ProxyRequest, { stopped, error }: StreamEnd): object | undefined {
  const ended = endedRefusal(request);
  if (stopped) return ended && failureMessage(ended);
  const isTooLong = error instanceof Error && error.message.includes('too long');
  const fault = isTooLong ? 'server_list_too_large' : 'server_broke_off';
  noteFault(request, fault, error instanceof Error ? error.message : 'no answer');
  return failureMessage(failedRefusal(request, fault));
}

/** Whether the data of an event is the answer to a request. */
function isAnswer(data: string, id: RequestId | undefined): boolean {
  if (!/"result"|"error"|\\u/.test(data)) return false;
  try {
    const message = JSON.parse(data) as unknown;
    return isObject(message) && message.id === id && typeof message.method !== 'string';
  } catch {
    return false;
  }
}

/** The data of the event in the place of one that isn't shown; null when nobody waits for it. */
function refusedEvent(request: ProxyRequest, id: RequestId | undefined): string | null {
  noteFault(request, 'server_not_mcp', 'unreadable event');
  if (id === undefined) return null;
  const isIts = id === request.message?.id;
  const error = faultError('server_not_mcp', titleOf(request.server));
  const message = isIts
    ? failureMessage(failedRefusal(request, 'server_not_mcp'))
    : { jsonrpc: '2.0', id, error };
  return JSON.stringify(message);
}

function filterFor({ server, principal, message }: ProxyRequest): AnswerFilter {
  return {
    wantsTools: message?.method === 'tools/list',
    publish: (tool) => publishedText(tool, { server, reach: principal }),
  };
}

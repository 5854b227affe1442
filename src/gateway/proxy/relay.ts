import { deploymentOf, titleOf } from '../../config';
import { decodeUtf8 } from '../../http';
import { answerTypeOf } from '../../media-type';
import {
  type AnswerFilter,
  AnswerScan,
  accountAt,
  faultError,
  filterAnswer,
  passScanned,
  publishedText,
  readHead,
  rewriteEvents,
} from '../../upstream';
import { mediaType } from '../request/browser-request';
import { pipeWhileGranted, watchOver, whileGranted } from '../request/grant-watch';
import type { Message } from '../request/message';
import { returnedHeaders, saysEnough } from '../request/passed-headers';
import { sealSessionId } from '../request/session-id';
import { fault, forgetServerTools, noteFault, type ProxyRequest } from './proxy-request';

/** What is longer than this is looked at as it passes, except where a list may be: results of any size pass. */
const GLANCE_BYTES = 64 * 1024;

/** The server's answer as the client gets it: in the gate's own media type, and without tools that aren't for them. */
export async function answerFrom(
  passage: ProxyRequest,
  message: Message | undefined,
  answer: Response,
): Promise<Response> {
  if (answer.status === 401 || answer.status === 403) {
    await answer.body?.cancel();
    return fault(passage, 'server_refuses_gate', message, `${answer.status}`);
  }
  const type = answerTypeOf(answer.headers);
  const headers = returnedHeaders(answer.headers);
  const session = answer.headers.get('mcp-session-id');
  if (session !== null && message?.era !== 'modern') {
    // Servers repeat the id on every answer; to the client it is one and the same.
    const known = session === passage.session?.id ? passage.c.req.header('mcp-session-id') : undefined;
    const sealed = known ?? (await sealHere(passage, session));
    headers.set('mcp-session-id', sealed);
  }
  const init = { status: answer.status, headers };
  if (passage.c.req.method === 'DELETE' && answer.ok) {
    await answer.body?.cancel();
    return new Response(null, { status: 204 });
  }
  if (type && answer.body) {
    return type === 'application/json'
      ? relayJson(passage, message, answer.body, init)
      : new Response(relayEvents(passage, message, answer.body), init);
  }
  await answer.body?.cancel();
  // 202 for a notification, or a refusal that says enough by its status: 405 where there is no stream, 404
  // where a session has ended.
  if (saysEnough(answer.status)) return new Response(null, init);
  return fault(passage, 'server_not_mcp', message, `${answer.status} ${mediaType(answer)}`);
}

async function sealHere({ c, server, principal, owner }: ProxyRequest, session: string): Promise<string> {
  const deployment = deploymentOf(c);
  return sealSessionId(deployment, owner, session, await accountAt(deployment, principal, server));
}

async function relayJson(
  passage: ProxyRequest,
  message: Message | undefined,
  body: ReadableStream<Uint8Array>,
  init: { status: number; headers: Headers },
): Promise<Response> {
  const wantsTools = message?.method === 'tools/list';
  const maxBytes = wantsTools ? passage.server.max_list_bytes : GLANCE_BYTES;
  const head = await readHead(body, maxBytes);
  if (head.rest || head.broken) {
    const passed = wantsTools || head.bytes.length === 0 ? undefined : passScanned(head);
    if (passed) return new Response(passed, init);
    await head.rest?.cancel();
    const isLong = wantsTools && head.rest;
    return fault(passage, isLong ? 'server_list_too_large' : 'server_not_mcp', message);
  }
  const { bytes } = head;
  const scan = new AnswerScan();
  scan.push(bytes);
  // What is no UTF-8 is no JSON either.
  const filtered = filterAnswer(decodeUtf8(bytes) ?? '', scan.shape, filterFor(passage, message));
  if (filtered.kind === 'refused') return fault(passage, 'server_not_mcp', message, 'unreadable');
  return new Response(filtered.kind === 'changed' ? filtered.text : bytes, init);
}

/**
 * A stream of events for as long as the grant lasts, with each list of tools filtered, and what the server says of
 * changes noted. Lists may come on a client's own stream too, where they are replayed.
 */
function relayEvents(
  passage: ProxyRequest,
  message: Message | undefined,
  body: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const { c, principal, server, stop } = passage;
  const filter = filterFor(passage, message);
  const isOwn = message === undefined;
  const events = rewriteEvents(
    {
      maxBytes: filter.wantsTools || isOwn ? server.max_list_bytes : GLANCE_BYTES,
      tooLong: filter.wantsTools ? 'fail' : 'pass',
    },
    (data, shape) => {
      if (data.includes('notifications/tools/list_changed')) forgetServerTools(passage);
      // What begins a stream that a client can come back to has an id, and no message.
      if (data.trim() === '') return undefined;
      const filtered = filterAnswer(data, shape, filter);
      if (filtered.kind === 'changed') return filtered.text;
      return filtered.kind === 'pass' ? undefined : refusedEvent(passage, filtered.id ?? message?.id);
    },
  );
  const isCall = message?.id !== undefined && message.method !== 'subscriptions/listen';
  const watch = watchOver(c, principal, { server, call: isCall });
  const filtered = body.pipeThrough(events);
  return isCall ? pipeWhileGranted(filtered, watch, () => stop.abort()) : whileGranted(filtered, watch);
}

/** The data of the event in the place of one that isn't shown; null when nobody waits for it. */
function refusedEvent(passage: ProxyRequest, id: string | number | undefined): string | null {
  noteFault(passage, 'server_not_mcp', 'unreadable event');
  const error = faultError('server_not_mcp', titleOf(passage.server));
  return id === undefined ? null : JSON.stringify({ jsonrpc: '2.0', id, error });
}

function filterFor({ server, principal }: ProxyRequest, message: Message | undefined): AnswerFilter {
  return {
    wantsTools: message?.method === 'tools/list',
    publish: (tool) => publishedText(tool, { server, reach: principal }),
  };
}

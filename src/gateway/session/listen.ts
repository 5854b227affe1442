import { type JSONRPCMessage, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { ServerSetting } from '../../config';
import {
  type Acting,
  answerOrThrow,
  callServerAs,
  type Handshake,
  messagesOf,
  modernMeta,
  passingView,
  post,
  serversOf,
  toolsOf,
} from '../../upstream';

/*
 * Listens to an upstream server for as long as a client listens to the gate: on its own stream (2025) or with
 * `subscriptions/listen` (2026). This runs in the Worker that holds the client's stream.
 */

/** The notifications that a list changed (MCP, "List changed notification"): of tools, prompts, and resources. */
export const LIST_CHANGES = [
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
] as const;

/** Gets what a server sends. */
export interface StreamListener {
  /** A message of the server. `eventId`: where to resume after it, if the server supports that. */
  message(message: JSONRPCMessage, eventId: string | undefined): void;
  /** The server no longer knows the session. */
  lost(): void;
  /** From now on, every message of the server arrives here. */
  opened(): void;
}

/** Which server to listen to, for whom, and which resources to watch. */
export interface ListenRequest {
  /** Who listens. Called for each request, because the principal's rights can change meanwhile. */
  acting: () => Acting;
  server: ServerSetting;
  /** The result of the handshake with the server, with its era and session. */
  greeting: Handshake;
  /** The server's own URIs of the resources to watch; only used in the 2026 era. */
  uris: string[];
  /** The event after which to resume (MCP 2025-11-25, "Resumability and redelivery"). */
  lastEventId?: string | undefined;
}

const PATIENCE = { initialReconnectionDelay: 1_000, maxReconnectionDelay: 30_000 };
/** The first and the longest pause before a server is tried again, in ms. */
const FIRST_PAUSE = 5_000;
const LONGEST_PAUSE = 300_000;

/** Listens until the signal aborts. Doesn't throw: a server that can't be listened to just sends nothing. */
export async function listenTo(
  wanted: ListenRequest,
  listener: StreamListener,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (wanted.greeting.era === 'modern') await listenStateless(wanted, listener, signal);
    else if (wanted.greeting.session !== undefined) await listenInSession(wanted, listener, signal);
    // Without a session, a 2025 server has no stream of its own.
    else listener.opened();
  } catch {
    // The server has no stream of its own, or has gone; the next call shows which.
  }
}

/** The server's own stream of a 2025-era session that the session's object keeps. */
async function listenInSession(
  wanted: ListenRequest,
  listener: StreamListener,
  until: AbortSignal,
): Promise<void> {
  const { acting, server, greeting } = wanted;
  if (greeting.era !== 'legacy') return;
  const lost = new AbortController();
  const signal = AbortSignal.any([until, lost.signal]);
  let eventId = wanted.lastEventId;
  const transport = new StreamableHTTPClientTransport(new URL(`https://${server.name}/mcp`), {
    ...(greeting.session === undefined ? {} : { sessionId: greeting.session }),
    protocolVersion: greeting.initialize.protocolVersion,
    reconnectionOptions: { ...PATIENCE, reconnectionDelayGrowFactor: 2, maxRetries: Number.MAX_SAFE_INTEGER },
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers);
      const { account } = greeting;
      const { work, principal } = acting();
      const request = { method: 'GET', headers, signal, account };
      const answer = answerOrThrow(await callServerAs(work, server, principal, request), signal);
      if ([400, 404].includes(answer.status) && !lost.signal.aborted) {
        lost.abort();
        void transport.close();
        listener.lost();
      }
      return answer;
    },
  });
  transport.onmessage = (message) => listener.message(message, eventId);
  signal.addEventListener('abort', () => void transport.close(), { once: true });
  await transport.start();
  const onresumptiontoken = (token: string) => {
    eventId = token;
  };
  // An open stream reconnects by itself. A server may refuse a new one while it considers the old one open.
  for (let pause = FIRST_PAUSE / 100; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const opened = await transport.resumeStream(eventId ?? '', { onresumptiontoken }).then(
      () => true,
      () => false,
    );
    if (opened) return listener.opened();
    await sleep(pause, signal);
  }
}

/** The notifications that are passed on from a `subscriptions/listen` stream. */
const SUBSCRIBED: readonly string[] = [...LIST_CHANGES, 'notifications/resources/updated'];

/** Sends `subscriptions/listen` to a 2026-era server, and again whenever the stream ends. */
async function listenStateless(
  wanted: ListenRequest,
  listener: StreamListener,
  signal: AbortSignal,
): Promise<void> {
  for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const opened = await subscribe(wanted, listener, signal).catch(() => false);
    if (opened) pause = FIRST_PAUSE;
    if (signal.aborted) return;
    await sleep(pause, signal);
    // Changes between two streams are lost, so everything counts as changed.
    if (opened) for (const method of LIST_CHANGES) listener.message({ jsonrpc: '2.0', method }, undefined);
  }
}

/** Listens until the stream ends. Returns whether it had started. */
async function subscribe(
  { acting, server, greeting, uris }: ListenRequest,
  listener: StreamListener,
  signal: AbortSignal,
): Promise<boolean> {
  const notifications = {
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
    ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }),
  };
  const method = 'subscriptions/listen';
  const params = { notifications, _meta: modernMeta({}) };
  const text = JSON.stringify({ jsonrpc: '2.0', id: 'gatehouse-listen', method, params });
  const route = { server, acting: acting(), handshake: greeting, account: '' };
  const answer = await post(route, { text, method, signal });
  if (!answer.ok) {
    await answer.body?.cancel();
    return false;
  }
  let opened = false;
  try {
    for await (const { value } of messagesOf(answer)) {
      if (value.method === 'notifications/subscriptions/acknowledged' && !opened) {
        opened = true;
        listener.opened();
      }
      if (SUBSCRIBED.includes(String(value.method))) {
        listener.message(value as unknown as JSONRPCMessage, undefined);
      }
    }
  } catch {
    // The stream broke off or ended.
  }
  return opened;
}

/**
 * Waits until a server that didn't list its tools does, with growing pauses. False when the signal aborts first, or
 * when the principal may no longer use the server.
 */
export async function isBack(
  server: ServerSetting,
  acting: () => Acting,
  signal: AbortSignal,
): Promise<boolean> {
  for (let pause = FIRST_PAUSE * 2; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    await sleep(pause, signal);
    if (signal.aborted) break;
    const { work, principal } = acting();
    // The principal may have lost access to it.
    if (!serversOf({ work, principal }).includes(server)) return false;
    if (await toolsOf(passingView(work, principal), server, 'answer')) return true;
  }
  return false;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });
}

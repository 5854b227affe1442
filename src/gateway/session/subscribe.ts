import type { Context } from 'hono';
import type { ServerSetting } from '../../config';
import { isObject } from '../../json-text';
import {
  type Acting,
  catalogueOf,
  connectUpstream,
  credentialsOf,
  forgetLists,
  type Principal,
  passingView,
  serversOf,
  type UpstreamConnection,
} from '../../upstream';
import { findResource } from '../aggregate/items';
import { namesFor } from '../aggregate/names';
import { mergeTools } from '../aggregate/tools';
import { watchPrincipal, whileGranted } from '../request/grant-watch';
import { isBack, LIST_CHANGES, listenTo } from './listen';

/** Sends the notifications of a `subscriptions/listen` stream. */
export interface Notify {
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
  /** `uri`: as the client named it. */
  resourceUpdated(uri: string): void;
}

/** The longest time in ms that the stream waits until all servers are listened to, before it starts. */
const LISTENING_MS = 2_000;

/**
 * Serves a `subscriptions/listen` stream of the 2026 era: sends changes at the upstream servers, and changes of the
 * principal's rights. The stream ends when the grant ends.
 *
 * @param notify writes to the stream
 * @param body the stream that the SDK's handler returned
 * @param uris the resources that the client wants to watch, by its own names
 * @returns the stream for the client
 */
export function feedSubscription(
  c: Context,
  principal: Principal,
  { notify, body, uris }: { notify: Notify; body: ReadableStream<Uint8Array>; uris: string[] },
): ReadableStream<Uint8Array> {
  const stop = new AbortController();
  const fed = new Map<string, { until: AbortController; account: Promise<string> }>();
  // The stream's principal with its current rights.
  let current = principal;
  const acting = () => ({ work: c, principal: current });
  const feedAll = () => {
    const unfed = serversOf({ work: c, principal: current }).filter(({ name }) => !fed.has(name));
    const opened = unfed.map(
      (server) =>
        new Promise<void>((resolve) => {
          const until = new AbortController();
          const account = credentialsOf(c).accountAt(current, server);
          fed.set(server.name, { until, account });
          const signal = AbortSignal.any([until.signal, stop.signal]);
          const feed = feedFrom(acting, server, { notify, uris, opened: resolve, signal });
          // A server that can't be listened to, because it isn't connected yet, say, is tried at the next change.
          void feed
            .catch(() => undefined)
            .finally(() => {
              if (fed.get(server.name)?.until === until) fed.delete(server.name);
              resolve();
            });
        }),
    );
    return Promise.all(opened);
  };
  const everything = () => {
    credentialsOf(c).forget();
    notify.toolsChanged();
    notify.promptsChanged();
    notify.resourcesChanged();
    void feedAll();
  };
  const ready = Promise.race([feedAll(), scheduler.wait(LISTENING_MS)]);
  void awaitMissing(acting, everything, stop.signal).catch(() => undefined);
  return whileGranted(heldUntil(ready, body), (ended) => {
    const changed = async (now: Principal) => {
      current = now;
      credentialsOf(c).forget();
      const servers = serversOf({ work: c, principal: now });
      for (const [name, feed] of fed) {
        const server = servers.find((one) => one.name === name);
        if (server && (await credentialsOf(c).isAccountStill(now, server, await feed.account))) continue;
        feed.until.abort();
        if (fed.get(name) === feed) fed.delete(name);
      }
      everything();
    };
    const unwatch = watchPrincipal(c, principal, { changed: (now) => void changed(now), ended });
    return () => {
      unwatch();
      stop.abort();
    };
  });
}

/** A stream from which nothing is read until `ready` settles. */
function heldUntil(ready: Promise<unknown>, source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await ready;
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

async function feedFrom(
  acting: () => Acting,
  server: ServerSetting,
  {
    notify,
    uris: merged,
    opened,
    signal,
  }: { notify: Notify; uris: string[]; opened: () => void; signal: AbortSignal },
): Promise<void> {
  const { work, principal } = acting();
  const view = passingView(work, principal);
  const found = await Promise.all(merged.map((uri) => findResource(view, uri).catch(() => undefined)));
  const uris = found.flatMap((one) => (one?.server.name === server.name ? [one.uri] : []));
  const tell = (message: object) => {
    const { method, params } = message as { method?: string; params?: { uri?: unknown } };
    if (method === 'notifications/resources/updated') {
      const uri = params?.uri;
      if (typeof uri !== 'string') return;
      // Another server may have a resource with the same URI, which isn't the one that the client watches.
      const asIs = merged.includes(uri) && uris.includes(uri);
      notify.resourceUpdated(asIs ? uri : namesFor(principal).uri(server.name, uri));
      return;
    }
    if (method?.endsWith('/list_changed')) forgetLists(catalogueOf(work.env), server.name, principal.user.id);
    if (method === LIST_CHANGES[0]) notify.toolsChanged();
    if (method === LIST_CHANGES[1]) notify.promptsChanged();
    if (method === LIST_CHANGES[2]) notify.resourcesChanged();
  };
  const upstream = await connectUpstream(server, { acting, capabilities: {} }).catch(() => undefined);
  if (!upstream) return;
  const ears = { message: tell, lost: () => undefined, opened };
  try {
    await subscribeAt(upstream, uris);
    await listenTo({ acting, server, greeting: upstream.handshake, uris }, ears, signal);
    if (upstream.handshake.era === 'legacy') await aborted(signal);
  } finally {
    await upstream.end();
  }
}

async function subscribeAt(upstream: UpstreamConnection, uris: string[]): Promise<void> {
  const { resources } = upstream.capabilities;
  if (upstream.handshake.era === 'modern' || !isObject(resources) || !resources.subscribe) return;
  for (const uri of uris) await upstream.request('resources/subscribe', { uri }).catch(() => undefined);
}

/** Waits for servers that don't list their tools at the moment. When one is back, `changed` is called. */
async function awaitMissing(acting: () => Acting, changed: () => void, signal: AbortSignal): Promise<void> {
  const { work, principal } = acting();
  const { missing } = await mergeTools(passingView(work, principal), 'judge');
  const servers = serversOf(acting()).filter(({ name }) => missing.includes(name));
  const waits = servers.map(async (server) => {
    if (await isBack(server, acting, signal)) changed();
  });
  await Promise.allSettled(waits);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

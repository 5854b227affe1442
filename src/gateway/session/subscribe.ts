import type { Context } from 'hono';
import { watchGrant } from '../../account';
import type { ServerSetting } from '../../config';
import { siteOf } from '../../site';
import { catalogueOf, forgetLists } from '../catalogue';
import { forgetCredentials } from '../credentials';
import { whileGranted } from '../granted';
import { type Behind, connectBehind } from '../merged/behind';
import { findResource } from '../merged/items';
import { mergedUri } from '../merged/names';
import { mergeTools } from '../merged/tools';
import { passingView, serversOf, UNASKED } from '../merged/view';
import type { Principal } from '../principal';
import { isBack, LIST_CHANGES, listenTo } from './listen';

/** How changes are told on a `subscriptions/listen` stream. */
export interface Notify {
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(uri: string): void;
}

/** How long the stream waits until all servers are listened to, in ms: what its client hears first is that they are. */
const LISTENING_MS = 2_000;

/**
 * Feeds a `subscriptions/listen` stream of the 2026 era (its body is given) with what changes: at the servers
 * behind, and in what the principal may do. When the grant ends, the stream does.
 */
export async function feedSubscription(
  c: Context,
  principal: Principal,
  notify: Notify,
  body: ReadableStream<Uint8Array>,
  uris: string[],
): Promise<ReadableStream<Uint8Array>> {
  const stop = new AbortController();
  const fed = new Set<string>();
  const feedAll = () => {
    const unfed = serversOf({ work: c, principal }).filter(({ name }) => !fed.has(name));
    const opened = unfed.map(
      (server) =>
        new Promise<void>((resolve) => {
          fed.add(server.name);
          const feed = feedFrom(c, server, principal, notify, uris, resolve, stop.signal);
          // What could not be listened to, such as a server that isn't connected yet, is tried at the next change.
          void feed
            .catch(() => undefined)
            .finally(() => {
              fed.delete(server.name);
              resolve();
            });
        }),
    );
    return Promise.all(opened);
  };
  const everything = () => {
    forgetCredentials(siteOf(c));
    notify.toolsChanged();
    notify.promptsChanged();
    notify.resourcesChanged();
    void feedAll();
  };
  const unwatch = watchGrant(
    c.env,
    { userId: principal.user.id, grantId: principal.grantId },
    { changed: everything, ended: () => stop.abort() },
  );
  stop.signal.addEventListener('abort', unwatch, { once: true });
  void awaitMissing(c, principal, everything, stop.signal).catch(() => undefined);
  await Promise.race([feedAll(), scheduler.wait(LISTENING_MS)]);
  return whileGranted(body, (ended) => {
    if (stop.signal.aborted) ended();
    stop.signal.addEventListener('abort', ended, { once: true });
    return () => stop.abort();
  });
}

async function feedFrom(
  c: Context,
  server: ServerSetting,
  principal: Principal,
  notify: Notify,
  merged: string[],
  opened: () => void,
  signal: AbortSignal,
): Promise<void> {
  const view = passingView(c, principal, UNASKED);
  const found = await Promise.all(merged.map((uri) => findResource(view, uri).catch(() => undefined)));
  const uris = found.flatMap((one) => (one?.server.name === server.name ? [one.uri] : []));
  const tell = (message: object) => {
    const { method, params } = message as { method?: string; params?: { uri?: string } };
    if (method === 'notifications/resources/updated') {
      const uri = params?.uri ?? '';
      notify.resourceUpdated(merged.includes(uri) ? uri : mergedUri(server.name, uri));
      return;
    }
    if (method?.endsWith('/list_changed')) forgetLists(catalogueOf(c.env), server.name, principal.user.id);
    if (method === LIST_CHANGES[0]) notify.toolsChanged();
    if (method === LIST_CHANGES[1]) notify.promptsChanged();
    if (method === LIST_CHANGES[2]) notify.resourcesChanged();
  };
  const behind = await connectBehind(c, server, { principal: () => principal, capabilities: {} }).catch(
    () => undefined,
  );
  if (!behind) return;
  const ears = { message: tell, lost: () => undefined, opened };
  try {
    await subscribeAt(behind, uris);
    await listenTo({ work: c, server, principal, greeting: behind.greeting, uris }, ears, signal);
    if (behind.greeting.era === 'legacy') await aborted(signal);
  } finally {
    await behind.end();
  }
}

async function subscribeAt({ client, greeting }: Behind, uris: string[]): Promise<void> {
  if (greeting.era === 'modern' || !client.getServerCapabilities()?.resources?.subscribe) return;
  for (const uri of uris) await client.subscribeResource({ uri }).catch(() => undefined);
}

/** Servers that tell nothing now are waited for: when one is back, the lists have changed. */
async function awaitMissing(
  c: Context,
  principal: Principal,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { missing } = await mergeTools(passingView(c, principal, UNASKED), 'judge');
  const servers = serversOf({ work: c, principal }).filter(({ name }) => missing.includes(name));
  const waits = servers.map(async (server) => {
    if (await isBack(c, server, principal, signal)) changed();
  });
  await Promise.allSettled(waits);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

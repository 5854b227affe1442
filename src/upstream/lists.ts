import { record } from '../audit';
import { deploymentOf, type RequestContext, type ServerSetting } from '../config';
import { catalogueKey, catalogueOf, type Listed, readList, type Tools } from './catalogue';
import { ServerRefusal, type UpstreamConnection } from './connection';
import { type CredentialError, credentialsOf } from './credentials';
import { forgetFailure, recentFailure, rememberFailure } from './failures';
import { itemsInResult, LISTS, type ListedItem, type ListKind } from './items';
import { lockOf, UNKNOWN_LOCK } from './lock';
import { type Tool, withoutHints } from './policy';
import { principalAt } from './principal';
import type { View } from './view';

/** How long a list waits for each server, in ms. */
const DEADLINE = 2_500;

/** A server's items of one kind, in its own order. */
interface Items extends Listed {
  items: readonly ListedItem[];
}

const MAX_PAGES = 100;

/**
 * A server's tools, as it lists them for this principal. Undefined while the person must connect the server first,
 * and when it doesn't list them in time. Such a failure is recorded, and the server isn't asked again for a while.
 *
 * @param use see {@link readList}
 */
export function toolsOf(
  view: View,
  server: ServerSetting,
  use: 'judge' | 'answer' = 'judge',
): Promise<Tools | undefined> {
  return listOf(view, server, { kind: 'tools', use }, async (upstream) => {
    const byName = new Map<string, Tool>();
    const { items, ttlMs } = await listAll(view, server, upstream, 'tools');
    for (const { value, text } of items) {
      const tool = { ...(value as unknown as Tool), text };
      byName.set(tool.name, byName.has(tool.name) ? withoutHints(tool) : tool);
    }
    return { byName, ttlMs };
  });
}

/** A server's prompts, resources, or resource templates; otherwise as {@link toolsOf}. */
export function itemsOf(
  view: View,
  server: ServerSetting,
  kind: Exclude<ListKind, 'tools'>,
): Promise<Items | undefined> {
  return listOf(view, server, { kind, use: 'answer' }, (upstream) => listAll(view, server, upstream, kind));
}

/** Requests all items of a kind, page by page. Empty when the server has no capability or method for it. */
async function listAll(
  { work }: View,
  server: ServerSetting,
  upstream: UpstreamConnection,
  kind: ListKind,
): Promise<Items> {
  const { method, capability } = LISTS[kind];
  const items: ListedItem[] = [];
  let [cursor, ttlMs]: [string?, number?] = [];
  if (kind !== 'tools' && upstream.capabilities[capability] === undefined) return { items, ttlMs };
  for (let page = 0; page < MAX_PAGES; page++) {
    const params: { cursor?: string } = cursor === undefined ? {} : { cursor };
    const result: { text: string; value: Record<string, unknown> } | undefined = await upstream
      .request(method, params, { maxBytes: server.max_list_bytes })
      .catch(none);
    if (!result) break;
    const read = itemsInResult(kind, result.value, result.text);
    if (!read) throw new Error(`the answer to ${method} has no list`);
    if (read.leftOut.length > 0) noteLeftOut(work, server, kind, read.leftOut);
    items.push(...read.items);
    ttlMs = ttlOf(result.value) ?? ttlMs;
    const { nextCursor }: { nextCursor?: unknown } = result.value;
    if (typeof nextCursor !== 'string' || nextCursor === '' || nextCursor === cursor) break;
    cursor = nextCursor;
  }
  return { items, ttlMs };
}

const METHOD_NOT_FOUND = -32601;

/** A server that doesn't know the method has an empty list. */
function none(error: unknown): undefined {
  if (error instanceof ServerRefusal && error.error.code === METHOD_NOT_FOUND) return undefined;
  throw error;
}

/** The most names of one list in the log. */
const MAX_NAMED = 10;

/** Records the items of a list that no client can show. */
export function noteLeftOut(
  work: Pick<RequestContext, 'var'>,
  server: ServerSetting,
  kind: ListKind,
  names: readonly string[],
): void {
  const detail = `${kind}: ${names.slice(0, MAX_NAMED).join(', ')}`;
  record(work, {
    event: 'listed',
    outcome: 'failed',
    reason: 'item_unreadable',
    server: server.name,
    detail,
  });
}

function ttlOf(list: object): number | undefined {
  const { ttlMs } = list as { ttlMs?: unknown };
  return typeof ttlMs === 'number' && ttlMs >= 0 ? ttlMs : undefined;
}

async function listOf<T extends Listed>(
  view: View,
  server: ServerSetting,
  { kind, use }: { kind: ListKind; use: 'judge' | 'answer' },
  read: (upstream: UpstreamConnection) => Promise<T>,
): Promise<T | undefined> {
  const { work, principal } = view;
  const user = principal.user.id;
  if (await lockInTime(view, server)) return undefined;
  const account = await credentialsOf(work).accountAt(principal, server);
  const asker = principalAt(deploymentOf(work), principal, server);
  const key = catalogueKey(server, asker, account, kind);
  // A list that failed for one token may work for another.
  if (recentFailure(work.env, server.name, key)) return undefined;
  const ask = () => {
    const answer = inTime(view.use(server, read));
    // Other requests may wait for the same answer, so it continues when this request has ended.
    work.executionCtx.waitUntil(answer.catch(() => undefined));
    return answer;
  };
  try {
    const list = await inTime(readList(catalogueOf(work.env), key, ask, use));
    forgetFailure(work.env, server.name, key);
    return list;
  } catch (error) {
    // The server refused the credential. That isn't a failure: the list will come with a new one.
    if (await lockInTime(view, server)) return undefined;
    const detail = error instanceof Error ? error.message : String(error);
    rememberFailure(work.env, server.name, key);
    record(work, { event: 'listed', outcome: 'failed', reason: kind, server: server.name, user, detail });
    return undefined;
  }
}

/** {@link lockOf}, within the time for a list: a slow provider must not delay the lists of other servers. */
export function lockInTime(view: View, server: ServerSetting): Promise<CredentialError | undefined> {
  return inTime(lockOf(view, server)).catch(() => UNKNOWN_LOCK);
}

function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it took too long')), DEADLINE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

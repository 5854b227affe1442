import { createHash } from 'node:crypto';
import { type Cache, isolateCache } from '../caches';
import type { ServerSetting } from '../config';
import { memberText } from '../json-members';
import { asAnswer } from './exchange';
import type { ListKind } from './items';
import { messagesOf } from './messages';
import { readTools, type Tool, withoutHints } from './policy';
import type { Principal } from './principal';

/** A list of a server. `ttlMs`: how long the server says that it may be cached (MCP 2026-07-28), in ms. */
export interface Listed {
  ttlMs: number | undefined;
}

/** A server's tools, by name. */
export interface Tools extends Listed {
  byName: ReadonlyMap<string, Tool>;
}

interface Entry {
  list: Promise<Listed>;
  /** Until when calls are checked by this list; ms since the epoch. */
  freshUntil: number;
  /** Until when the list is used as an answer: while it is requested, and for the server's `ttlMs`. */
  promisedUntil: number;
  /** When it was requested; ms since the epoch. */
  since: number;
}

/** Requests one page of a list from a server: posts a JSON-RPC message with these additional headers. */
export type AskPage = (body: object, headers: Record<string, string>) => Promise<Response>;

/** How long a list without `ttlMs` is used to check calls, in ms; and the longest time for any list. */
const FRESH_MS = 60_000;
const LONGEST_FRESH_MS = 600_000;
/** Requests share a list that is being requested, for this time at most, in ms. */
const ASKING_MS = 10_000;
/** For an unknown name the list is requested again, but at most once in this time, in ms. */
const ASK_AGAIN_MS = 2_000;
const MAX_PAGES = 100;

/**
 * The cache of lists, in the isolate. It only saves requests. What a tool may do is decided at each call by the latest
 * list, so an entry is out of date for a minute at most when a server changes a hint without a notification.
 */
export const catalogueOf = isolateCache<Entry>('serverLists');

/** The cached lists of a deployment's servers. */
export type Catalogue = Cache<Entry>;

/**
 * Finds a tool in a server's list; undefined when the server has no tool of that name, also not after a new request.
 *
 * @param key of {@link catalogueKey}
 * @param ask requests the list
 * @throws what `ask` throws
 */
export async function findTool(
  entries: Catalogue,
  key: string,
  name: string,
  ask: () => Promise<Tools>,
): Promise<Tool | undefined> {
  const known = (await readList(entries, key, ask)).byName.get(name);
  const entry = entries.get(key);
  if (known || !entry || Date.now() - entry.since < ASK_AGAIN_MS) return known;
  entries.delete(key);
  return (await readList(entries, key, ask)).byName.get(name);
}

/**
 * The cache key of a server's list. It has everything that the server gets to know about the principal, since the
 * list may depend on it: no token is shown the list of another one.
 *
 * @param asker limited to the role at that server (`principalAt`)
 * @param account the id of the user's connection; '' where users have none
 */
export function catalogueKey(
  server: ServerSetting,
  asker: Principal,
  account = '',
  kind: ListKind = 'tools',
): string {
  const { user, client, scope, role, identity } = asker;
  // An entrypoint gets the whole principal (`ctx.props`), all others at most what an identity token says.
  const known = server.entrypoint === undefined ? [user, client.id, scope, role, identity.groups] : asker;
  const hash = createHash('sha256')
    .update(JSON.stringify([kind, account, known]))
    .digest('base64url');
  return `${prefixOf(server.name, user.id)}${hash}`;
}

/** Removes all cached lists of a server for a user, by their ids: the server announced a change, or failed. */
export function forgetLists(entries: Catalogue, server: string, user: string): void {
  const prefix = prefixOf(server, user);
  for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
}

function prefixOf(server: string, user: string): string {
  return `${server} ${user} `;
}

/**
 * A server's list, from the cache or by a new request.
 *
 * @param key of {@link catalogueKey}
 * @param ask requests the list; a list that fails isn't cached
 * @param use `judge`: to check a call; `answer`: to send it to a client, so that `ttlMs` must not be exceeded
 * @throws what `ask` throws
 */
export async function readList<T extends Listed>(
  entries: Catalogue,
  key: string,
  ask: () => Promise<T>,
  use: 'judge' | 'answer' = 'judge',
): Promise<T> {
  const entry = entries.get(key);
  const now = Date.now();
  const until = use === 'judge' ? entry?.freshUntil : entry?.promisedUntil;
  if (entry && until !== undefined && until > now) return entry.list as Promise<T>;
  const asked = ask();
  const made: Entry = { list: asked, since: now, freshUntil: now + FRESH_MS, promisedUntil: now + ASKING_MS };
  entries.set(key, made);
  try {
    const list = await asked;
    const promised = Math.min(list.ttlMs ?? 0, LONGEST_FRESH_MS);
    made.promisedUntil = now + promised;
    // 0 is what the SDKs say for servers that said nothing.
    if (promised > 0) made.freshUntil = now + promised;
    return list;
  } catch (error) {
    if (entries.get(key) === made) entries.delete(key);
    throw error;
  }
}

/**
 * Requests all tools of a server, page by page.
 *
 * @param meta the `_meta` of the client's request; undefined in the 2025 era
 * @param maxBytes of each answer
 * @throws when an answer isn't a list of tools, and what `ask` throws
 */
export async function listTools(ask: AskPage, meta: unknown, maxBytes: number): Promise<Tools> {
  const byName = new Map<string, Tool>();
  let [cursor, ttlMs]: [string?, number?] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const id = `gatehouse-tools-${page}`;
    const params = {
      ...(cursor === undefined ? {} : { cursor }),
      ...(meta === undefined ? {} : { _meta: meta }),
    };
    const body = { jsonrpc: '2.0', id, method: 'tools/list', params };
    const headers = meta === undefined ? {} : { 'mcp-method': 'tools/list' };
    const { value: result, text } = await readResult(await ask(body, headers), id, maxBytes);
    const read = readTools(result.tools, memberText(text, 'tools') ?? '');
    if (!read) throw new Error('the server’s answer to tools/list has no tools that can be understood');
    for (const tool of read.tools) byName.set(tool.name, byName.has(tool.name) ? withoutHints(tool) : tool);
    if (typeof result.ttlMs === 'number') ttlMs = result.ttlMs;
    if (typeof result.nextCursor !== 'string') break;
    cursor = result.nextCursor;
  }
  return { byName, ttlMs };
}

interface ListResult {
  value: { tools?: unknown; nextCursor?: unknown; ttlMs?: unknown };
  text: string;
}

async function readResult(response: Response, id: string, maxBytes: number): Promise<ListResult> {
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the server answered tools/list with ${response.status}`);
  }
  for await (const message of messagesOf(response, maxBytes)) {
    const answer = asAnswer(message, id);
    if (answer?.outcome === 'result') {
      return { value: answer.value.result as object, text: memberText(answer.text, 'result') ?? '{}' };
    }
    if (answer) throw new Error('the server answered tools/list with an error');
  }
  throw new Error('the server’s answer to tools/list can’t be understood');
}

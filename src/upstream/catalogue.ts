import { createHash } from 'node:crypto';
import { type Cache, isolateCache } from '../caches';
import type { ServerSetting } from '../config';
import { memberText } from '../json-members';
import { asAnswer } from './exchange';
import type { ListKind } from './items';
import { messagesOf } from './messages';
import { readTools, type Tool, withoutHints } from './policy';
import type { Principal } from './principal';

/** Something that a server listed. `ttlMs`: how long it says that it stays so. */
export interface Listed {
  ttlMs: number | undefined;
}

/** A server's tools as it lists them, by name. */
export interface Tools extends Listed {
  byName: ReadonlyMap<string, Tool>;
}

interface Entry {
  list: Promise<Listed>;
  /** Milliseconds since the epoch: to when the list will do for judging a call. */
  freshUntil: number;
  /** To when it will do as an answer: while it is asked for, and for as long as the server promises. */
  promisedUntil: number;
  since: number;
}

/** How to ask a server for its list: one page at a time, by cursor, in the words of the asking request's era. */
export type AskPage = (body: object, headers: Record<string, string>) => Promise<Response>;

const FRESH_MS = 60_000;
const LONGEST_FRESH_MS = 600_000;
/** Who asks while another already does waits with it, for no longer than this. */
const ASKING_MS = 10_000;
/** An unknown name asks again, but not more often than this. */
const ASK_AGAIN_MS = 2_000;
const MAX_PAGES = 100;

/*
 * Per isolate: it only saves asking. What a tool may do is decided at each call, by what the server said last,
 * so an old entry costs a minute at most after the server changed a hint without saying so.
 */
export const catalogueOf = isolateCache<Entry>('serverLists');

/** What is known of the tools of a deployment's servers. */
export type Catalogue = Cache<Entry>;

/**
 * A tool of a server as this principal is shown it; undefined when the server has none of that name. `key`
 * names server and principal.
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
 * Under which a server's list is known: by all that it is told of who asks, held to the role there, and in the name
 * of which account. A server may list by any of it, so no token is shown what another was.
 */
export function catalogueKey(
  server: ServerSetting,
  asker: Principal,
  account = '',
  kind: ListKind = 'tools',
): string {
  const { user, client, scope, role, identity } = asker;
  // An entrypoint gets the whole principal (`ctx.props`), all others at most what an identity token says.
  const told = server.entrypoint === undefined ? [user, client.id, scope, role, identity.groups] : asker;
  const hash = createHash('sha256')
    .update(JSON.stringify([kind, account, told]))
    .digest('base64url');
  return `${prefixOf(server.name, user.id)}${hash}`;
}

/** Forgets what is known of what a server lists to a user: it said that it changed. */
export function forgetLists(entries: Catalogue, server: string, user: string): void {
  const prefix = prefixOf(server, user);
  for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
}

function prefixOf(server: string, user: string): string {
  return `${server} ${user} `;
}

/**
 * A server's list as this principal is shown it: what is known, or else what it says when asked. `use`: whether
 * the list judges a call, or is itself the answer, and then must be as new as the server promised.
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
 * Asks a server for all its tools. `meta`: the `_meta` of the asking request, if it is a stateless one. Throws
 * when an answer is not a list.
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

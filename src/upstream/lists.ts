import type { Client } from '@modelcontextprotocol/client';
import { record } from '../audit';
import { deploymentOf, type ServerSetting } from '../config';
import { catalogueKey, catalogueOf, type Listed, type ListKind, readList, type Tools } from './catalogue';
import { type CredentialError, credentialsOf } from './credentials';
import { forgetFailure, recentFailure, rememberFailure } from './failures';
import { lockOf, UNKNOWN_LOCK } from './lock';
import { principalAt } from './principal';
import type { View } from './view';

/** How long a list waits for one server among several, in ms. */
const DEADLINE = 2_500;

/** What a server lists of one kind, in its own order. */
interface Items extends Listed {
  items: readonly Item[];
}
/** One thing that a server lists; whatever else it has passes through. */
export type Item = { [name: string]: unknown };

const LISTS: Record<Exclude<ListKind, 'tools'>, (client: Client) => Promise<{ items: unknown[] }>> = {
  prompts: async (client) => {
    const { prompts: items, ...rest } = await client.listPrompts(undefined, { cacheMode: 'bypass' });
    return { ...rest, items };
  },
  resources: async (client) => {
    const { resources: items, ...rest } = await client.listResources(undefined, { cacheMode: 'bypass' });
    return { ...rest, items };
  },
  templates: async (client) => {
    const { resourceTemplates: items, ...rest } = await client.listResourceTemplates(undefined, {
      cacheMode: 'bypass',
    });
    return { ...rest, items };
  },
};

/**
 * A server's tools, as it lists them to this principal; undefined while the person has to connect it first, and when
 * it doesn't tell in time, which is recorded and remembered for a while. `use`: see {@link readList}.
 */
export function toolsOf(
  view: View,
  server: ServerSetting,
  use: 'judge' | 'answer' = 'judge',
): Promise<Tools | undefined> {
  return listOf(view, server, 'tools', use, async (client) => {
    const list = await client.listTools(undefined, { cacheMode: 'bypass' });
    return { byName: new Map(list.tools.map((tool) => [tool.name, tool])), ttlMs: ttlOf(list) };
  });
}

/** A server's prompts, resources or resource templates, as {@link toolsOf}. */
export function itemsOf(
  view: View,
  server: ServerSetting,
  kind: Exclude<ListKind, 'tools'>,
): Promise<Items | undefined> {
  return listOf(view, server, kind, 'answer', async (client) => {
    const list = await LISTS[kind](client);
    return { items: list.items as Item[], ttlMs: ttlOf(list) };
  });
}

function ttlOf(list: object): number | undefined {
  const { ttlMs } = list as { ttlMs?: unknown };
  return typeof ttlMs === 'number' && ttlMs >= 0 ? ttlMs : undefined;
}

async function listOf<T extends Listed>(
  view: View,
  server: ServerSetting,
  kind: ListKind,
  use: 'judge' | 'answer',
  read: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  const { work, principal } = view;
  const user = principal.user.id;
  if (await lockInTime(view, server)) return undefined;
  const account = await credentialsOf(work).accountAt(principal, server);
  const asker = principalAt(deploymentOf(work), principal, server);
  const key = catalogueKey(server, asker, account, kind);
  // What failed for one token may be there for another.
  if (recentFailure(work.env, server.name, key)) return undefined;
  const ask = () => {
    const answer = inTime(view.use(server, ({ client }) => read(client)));
    // Other requests may wait for the same answer: it comes, or fails in time, though this one has ended.
    work.executionCtx.waitUntil(answer.catch(() => undefined));
    return answer;
  };
  try {
    const list = await inTime(readList(catalogueOf(work.env), key, ask, use));
    forgetFailure(work.env, server.name, key);
    return list;
  } catch (error) {
    // The server refused the credential: it has not failed, and what it has comes with the next one.
    if (await lockInTime(view, server)) return undefined;
    const detail = error instanceof Error ? error.message : String(error);
    rememberFailure(work.env, server.name, key);
    record(work, { event: 'listed', outcome: 'failed', reason: kind, server: server.name, user, detail });
    return undefined;
  }
}

/** Why a server is locked, as {@link lockOf}: a provider that hangs must not hold up what the others have. */
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

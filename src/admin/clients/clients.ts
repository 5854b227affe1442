import { findAccount } from '../../account';
import { record } from '../../audit';
import { type Deployment, deploymentOf } from '../../config';
import { blockClient, blockedClients, unblockClient } from '../../oauth';
import type { AdminContext } from '../shared/admit';
import { allGrants } from './grants';

/** An app, and how many use it. */
export interface UsedClient {
  id: string;
  name: string;
  /** `configured`: in `CLIENTS`; `document`: known by its metadata document; `registered`: it registered itself. */
  kind: 'configured' | 'document' | 'registered';
  users: number;
  grants: number;
  blocked: boolean;
}

/** The apps that somebody allowed, that are in the settings, or that are blocked; those that most people use first. */
export async function usedClients(deployment: Deployment): Promise<UsedClient[]> {
  const { env, settings } = deployment;
  const [{ grants }, blocked] = await Promise.all([allGrants(env), blockedClients(env)]);
  const byClient = Map.groupBy(grants, ({ client }) => client);
  const ids = new Set([
    ...byClient.keys(),
    ...settings.clients.map(({ client_id }) => client_id),
    ...blocked,
  ]);
  const names = await namesOf(deployment, [...ids]);
  const clients = [...ids].map((id): UsedClient => {
    const held = byClient.get(id) ?? [];
    return {
      id,
      name: names.get(id) ?? id,
      kind: kindOf(deployment, id),
      users: new Set(held.map(({ user }) => user)).size,
      grants: held.length,
      blocked: blocked.includes(id),
    };
  });
  return clients.sort((one, other) => other.users - one.users || one.name.localeCompare(other.name));
}

/** Blocks an app: it gets no authorization and no token any more, and everything that people allowed it ends now. */
export async function block(c: AdminContext, id: string): Promise<void> {
  const deployment = deploymentOf(c);
  await blockClient(c.env, id);
  const { grants } = await allGrants(c.env);
  const held = grants.filter(({ client }) => client === id);
  for (const { user, grant } of held) await (await findAccount(deployment, user))?.revokeGrant(grant);
  const detail = `${held.length} grants ended`;
  record(c, { event: 'client_blocked', outcome: 'ok', ...c.var.by, client: id, detail });
}

/** Lets an app in again: people have to allow it again. False when it wasn't blocked. */
export async function unblock(c: AdminContext, id: string): Promise<boolean> {
  if (!(await unblockClient(c.env, id))) return false;
  record(c, { event: 'client_unblocked', outcome: 'ok', ...c.var.by, client: id });
  return true;
}

function kindOf({ settings }: Deployment, id: string): UsedClient['kind'] {
  if (settings.clients.some(({ client_id }) => client_id === id)) return 'configured';
  return id.startsWith('https://') || id.startsWith('http://') ? 'document' : 'registered';
}

/** The names of clients; a client that is known by a document goes by its host. */
async function namesOf({ env, settings }: Deployment, ids: string[]): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const id of ids) if (URL.canParse(id)) names.set(id, new URL(id).host);
  for (const { client_id, name } of settings.clients) names.set(client_id, name);
  const registered = ids.filter((id) => !names.has(id) && /^[\w.~-]{1,100}$/.test(id));
  for (let at = 0; at < registered.length; at += 100) {
    const keys = registered.slice(at, at + 100).map((id) => `client:${id}`);
    const records = await env.OAUTH_KV.get<{ clientName?: string }>(keys, 'json');
    for (const [key, record] of records) {
      if (record?.clientName) names.set(key.slice('client:'.length), record.clientName);
    }
  }
  return names;
}

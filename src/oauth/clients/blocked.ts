import { sha256Hex } from '../../crypto';

/** What the keys of blocked clients in `OAUTH_KV` begin with; the rest is the SHA-256 of the client id. */
const PREFIX = 'blocked-client:';

/** Whether an admin has blocked a client. At other locations of the platform it may take a minute to show. */
export async function isBlocked(env: Env, client_id: string): Promise<boolean> {
  return (await env.OAUTH_KV.get(PREFIX + (await sha256Hex(client_id)))) !== null;
}

/** From now on, the client gets no authorization and no token. */
export async function blockClient(env: Env, client_id: string): Promise<void> {
  await env.OAUTH_KV.put(PREFIX + (await sha256Hex(client_id)), client_id);
}

/** False when the client wasn't blocked. */
export async function unblockClient(env: Env, client_id: string): Promise<boolean> {
  const was = await isBlocked(env, client_id);
  await env.OAUTH_KV.delete(PREFIX + (await sha256Hex(client_id)));
  return was;
}

/** The ids of all blocked clients; at most 1,000. */
export async function blockedClients(env: Env): Promise<string[]> {
  const { keys } = await env.OAUTH_KV.list({ prefix: PREFIX });
  const ids = await Promise.all(keys.map(({ name }) => env.OAUTH_KV.get(name)));
  return ids.filter((id) => id !== null);
}

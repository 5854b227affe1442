import { accountOf, CONNECTIONS_INDEX } from '../../account';
import { objectKeyring } from '../../config';
import { writeLog } from '../../log';

/** Accounts that one run wakes at most; the rest waits for the next run. */
const BATCH = 200;
const AT_ONCE = 10;

/**
 * Seals with the current master key the connections that were sealed with an older one. Which accounts have such
 * connections is known from the index that each account copies to KV, so no other object is woken. With only one key
 * there is nothing to do. Run by the schedule in `wrangler.toml`.
 */
export async function rewrapConnections(env: Env): Promise<void> {
  if (!env.GATEHOUSE_KEYS) return;
  const { current, versions } = await objectKeyring(env);
  if (versions.size < 2) return;
  const stale = (key: KVNamespaceListKey<{ key_versions?: string[] }>) =>
    key.metadata?.key_versions?.some((version) => version !== current && versions.has(version)) === true;
  const users: string[] = [];
  let cursor: string | null = null;
  do {
    const page: KVNamespaceListResult<{ key_versions?: string[] }> = await env.OAUTH_KV.list({
      prefix: CONNECTIONS_INDEX,
      cursor,
    });
    users.push(...page.keys.filter(stale).map(({ name }) => name.slice(CONNECTIONS_INDEX.length)));
    cursor = page.list_complete ? null : page.cursor;
  } while (cursor !== null);

  const counts = { rewrapped: 0, left: 0, failed: 0 };
  const queue = users.slice(0, BATCH);
  const work = async () => {
    for (let user = queue.shift(); user !== undefined; user = queue.shift()) {
      const done = await accountOf(env, user)
        .rewrap()
        .catch(() => undefined);
      counts.rewrapped += done?.rewrapped ?? 0;
      counts.left += done?.left ?? 0;
      counts.failed += done ? 0 : 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const waiting = Math.max(0, users.length - BATCH) + counts.failed;
  const outcome = counts.failed > 0 ? 'failed' : 'ok';
  writeLog('log', { event: 'connections_rewrapped', outcome, ...counts, waiting });
}

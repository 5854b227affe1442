import type { Deployment } from '../config';
import type { Source } from '../limits';
import { ok, type Refusal, type Result } from '../result';
import type { PoolRefusal } from './directory';
import type { Bounds } from './pool';

/**
 * What is stored before anyone has signed in for it, and how much: from one source, and in all (docs/limits.md). User
 * codes are another such pool (`user-codes.ts`).
 */
export const POOLS = {
  /** Flows in browsers: authorization requests, sign-ins, connect links. */
  flows: { perSource: 3000, inAll: 20_000 },
  /** Registered clients that nobody has used yet. */
  registrations: { perSource: 2000, inAll: 10_000 },
  /** Client metadata documents that were fetched. One that was dropped is fetched again when it is needed. */
  documents: { perSource: 500, inAll: 5000 },
  /** Visitors: new ones, and those who have something stored. */
  visitors: { perSource: 10_000, inAll: 50_000 },
  /** Sessions without a credential (`UNAUTHENTICATED = "authorize_tool"`). */
  sessions: { perSource: 2000, inAll: 10_000 },
  /** Sessions of users and service accounts; each principal is a source of its own. */
  user_sessions: { perSource: 2000, inAll: 100_000 },
} satisfies Record<string, Bounds>;

export type PoolName = keyof typeof POOLS;

/**
 * Adds an entry for something that will be stored, and returns the ids of the entries to delete for it: the oldest of
 * the same source, or of the source with the most. Refused as `pool_share_used` when all entries of the source are
 * kept. `expiresAt`: seconds since the epoch.
 */
export async function enterPool(
  deployment: Pick<Deployment, 'env'>,
  pool: PoolName,
  entry: { id: string; from: Source; expiresAt: number },
): Promise<Result<string[], Refusal<PoolRefusal>>> {
  const entered = await poolOf(deployment, pool).enterPool(entry, POOLS[pool]);
  return entered.ok ? ok(entered.value.map(({ id }) => id)) : entered;
}

/**
 * Keeps an entry until `expiresAt` (seconds since the epoch): it isn't dropped, and counts toward its source's share.
 */
export async function keepInPool(
  deployment: Pick<Deployment, 'env'>,
  pool: PoolName,
  id: string,
  expiresAt: number,
): Promise<void> {
  await poolOf(deployment, pool).keepInPool(id, expiresAt);
}

/** Removes an entry that no longer waits. */
export async function leavePool(
  deployment: Pick<Deployment, 'env'>,
  pool: PoolName,
  id: string,
): Promise<void> {
  await poolOf(deployment, pool).leavePool(id);
}

function poolOf({ env }: Pick<Deployment, 'env'>, pool: PoolName) {
  return env.PENDING_FLOW.getByName(`pool:${pool}`);
}

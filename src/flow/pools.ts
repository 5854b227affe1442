import type { Deployment } from '../config';
import type { Source } from '../limits';
import { ok, type Refusal, type Result } from '../result';
import type { PoolRefusal } from './directory';
import type { Bounds } from './pool';

/**
 * What waits for people and is stored meanwhile, though nobody has signed in for it yet: how much of it from one
 * source, and in all (docs/limits.md). User codes are another such pool (`user-codes.ts`).
 */
export const POOLS = {
  /** Flows in browsers: authorization requests, sign-ins, connect links. */
  flows: { perSource: 3000, inAll: 20_000 },
  /** Registered clients that nobody has used yet. */
  registrations: { perSource: 2000, inAll: 10_000 },
  /** Client metadata documents that were fetched: each is read again when it is asked for. */
  documents: { perSource: 500, inAll: 5000 },
  /** Visitors: those who have just come, and those of whom something is kept. */
  visitors: { perSource: 10_000, inAll: 50_000 },
  /** Sessions without a credential (`UNAUTHENTICATED = "authorize_tool"`). */
  sessions: { perSource: 2000, inAll: 10_000 },
  /** Sessions of people and programs, each a source of its own. */
  user_sessions: { perSource: 2000, inAll: 100_000 },
} satisfies Record<string, Bounds>;

export type PoolName = keyof typeof POOLS;

/**
 * Enters something that is to be stored, and returns the ids of what has to go for it: the oldest of the same source,
 * or of the one that has the most. Refused as `pool_share_used` when all that the source has is to stay.
 * `expiresAt`: seconds since the epoch.
 */
export async function enterPool(
  deployment: Pick<Deployment, 'env'>,
  pool: PoolName,
  entry: { id: string; from: Source; expiresAt: number },
): Promise<Result<string[], Refusal<PoolRefusal>>> {
  const entered = await poolOf(deployment, pool).enterPool(entry, POOLS[pool]);
  return entered.ok ? ok(entered.value.map(({ id }) => id)) : entered;
}

/** Something lasting came of an entry, until `expiresAt`: it stays, and counts for its source. */
export async function keepInPool(
  deployment: Pick<Deployment, 'env'>,
  pool: PoolName,
  id: string,
  expiresAt: number,
): Promise<void> {
  await poolOf(deployment, pool).keepInPool(id, expiresAt);
}

/** An entry no longer waits for anybody. */
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

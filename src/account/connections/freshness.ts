/*
 * Whether a stored credential may be used as it is, decided by plain data.
 */

/** What is known of a credential without opening it. Times are seconds since the epoch; null: not known. */
export interface Freshness {
  now: number;
  /** When it was stored. */
  renewedAt: number;
  expiresAt: number | null;
  /** Whether it can be renewed without the person. */
  renewable: boolean;
  /** Before this the provider doesn't want to be asked again. */
  retryAt: number | null;
  /** The server has refused it, whatever its expiry says. */
  refused: boolean;
}

/**
 * `use` it; `renew` it first; `wait`: the provider can't be asked yet, and it is worth nothing meanwhile;
 * `ended`: the person must connect again.
 */
export type FreshnessVerdict = 'use' | 'renew' | 'wait' | 'ended';

/** Seconds ahead of its expiry in which a credential is renewed: a call may take a while. */
const AHEAD = 60;

export function judgeFreshness(facts: Freshness): FreshnessVerdict {
  const { now, expiresAt, renewable, retryAt, refused } = facts;
  const good = !refused && (expiresAt === null || expiresAt > now);
  if (good && (expiresAt === null || expiresAt - now > aheadOf(facts.renewedAt, expiresAt))) return 'use';
  if (!renewable) return good ? 'use' : 'ended';
  if (retryAt !== null && retryAt > now) return good ? 'use' : 'wait';
  return 'renew';
}

/** Of a token that lives a minute only the last quarter: else every call would renew it. */
function aheadOf(renewedAt: number, expiresAt: number): number {
  return Math.min(AHEAD, (expiresAt - renewedAt) / 4);
}

/** Seconds until a provider that failed is asked again: what it says, else twice as long each time. */
export function retryDelay(failures: number, retryAfter: number | undefined): number {
  const own = Math.min(2 ** Math.min(failures, 6), 60);
  return Math.max(1, Math.min(retryAfter ?? own, 3600));
}

/* Decides whether a stored credential can be used as it is. Plain data in, a verdict out. */

/** What is known of a credential without decrypting it. Times are seconds since the epoch; null: unknown. */
export interface Freshness {
  now: number;
  /** When it was stored. */
  renewedAt: number;
  expiresAt: number | null;
  /** Whether it can be renewed without the person. */
  renewable: boolean;
  /** The provider must not be asked again before this time. */
  retryAt: number | null;
  /** The server has refused it, even if it hasn't expired. */
  refused: boolean;
}

/**
 * `use` it; `renew` it first; `wait`: it has expired and the provider can't be asked yet; `ended`: the person must
 * connect again.
 */
export type FreshnessVerdict = 'use' | 'renew' | 'wait' | 'ended';

/** A credential is renewed this many seconds before it expires, since a call may take a while. */
const AHEAD = 60;

/** Decides what to do with a stored credential. */
export function judgeFreshness(facts: Freshness): FreshnessVerdict {
  const { now, expiresAt, renewable, retryAt, refused } = facts;
  const good = !refused && (expiresAt === null || expiresAt > now);
  if (good && (expiresAt === null || expiresAt - now > aheadOf(facts.renewedAt, expiresAt))) return 'use';
  if (!renewable) return good ? 'use' : 'ended';
  if (retryAt !== null && retryAt > now) return good ? 'use' : 'wait';
  return 'renew';
}

/** Only the last quarter of a token that lives for a minute, or every call would renew it. */
function aheadOf(renewedAt: number, expiresAt: number): number {
  return Math.min(AHEAD, (expiresAt - renewedAt) / 4);
}

/** Seconds until a provider that failed is asked again: as it says (an hour at most), or twice as long each time. */
export function retryDelay(failures: number, retryAfter: number | undefined): number {
  const own = Math.min(2 ** Math.min(failures, 6), 60);
  return Math.max(1, Math.min(retryAfter ?? own, 3600));
}

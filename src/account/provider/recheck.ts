/* Decides whether to ask the sign-in provider again. Plain data in, a verdict out. */

/** What is known when a client refreshes. Times are seconds since the epoch, durations are seconds; null: never. */
export interface RecheckFacts {
  now: number;
  /** When the provider last confirmed the person: at sign-in, or when it was asked again. */
  answeredAt: number;
  /** `recheck` and `max_age` of the provider. */
  recheck: number;
  maxAge: number;
  /** Whether there is a refresh token to ask it with. */
  askable: boolean;
  /** It couldn't be asked, and must not be asked again before this time. */
  retryAt: number | null;
  /** When its refusal takes effect. */
  deniedAt: number | null;
  /** Its last answer is that the person has to sign in again. */
  signInWanted: boolean;
  /** When it last said which groups the person has; null: with its last answer, or they have none. */
  groupsAt: number | null;
}

/**
 * `denied`: it doesn't confirm the person any more; `ask` it first; `sign_in`: it wants the person to sign in again;
 * `too_old`: its last answer is older than `max_age`, and it can't be asked now; `go_on` with its last answer.
 */
export type RecheckVerdict = 'denied' | 'ask' | 'sign_in' | 'too_old' | 'go_on';

/** Decides whether a refresh goes on, or the provider is asked first. */
export function judgeRecheck(facts: RecheckFacts): RecheckVerdict {
  const { now, recheck, maxAge, askable, retryAt, deniedAt, signInWanted, groupsAt } = facts;
  if (deniedAt !== null && deniedAt <= now) return 'denied';
  const age = now - facts.answeredAt;
  const mayAsk = askable && (retryAt === null || retryAt <= now);
  if (mayAsk && (signInWanted || age >= Math.min(recheck, maxAge))) return 'ask';
  if (signInWanted) return 'sign_in';
  // Groups that it no longer mentions count as long as its whole word would.
  return Math.max(age, now - (groupsAt ?? now)) >= maxAge ? 'too_old' : 'go_on';
}

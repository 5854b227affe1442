/*
 * Whether it is time to ask the sign-in provider again, decided by plain data.
 */

/** Times are seconds since the epoch, spans are seconds; null: not so. */
export interface RecheckFacts {
  now: number;
  /** When the provider last said who the person is: at sign-in, or asked again. */
  answeredAt: number;
  /** `recheck` and `max_age` of the provider. */
  recheck: number;
  maxAge: number;
  /** Whether there is anything to ask it by. */
  askable: boolean;
  /** It couldn't be asked, and isn't to be before this. */
  retryAt: number | null;
  /** From when on its no holds. */
  deniedAt: number | null;
  /** Its last word is that the person has to sign in again. */
  signInWanted: boolean;
  /** When it last said which groups the person has; null: with its last answer, or they have none. */
  groupsAt: number | null;
}

/**
 * `denied`: it said no; `ask` it first; `sign_in`: it wants the person to sign in again; `too_old`: what it said was too long ago, and it can't be asked now;
 * `go_on` with what is known.
 */
export type RecheckVerdict = 'denied' | 'ask' | 'sign_in' | 'too_old' | 'go_on';

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

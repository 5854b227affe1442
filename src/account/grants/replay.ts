/*
 * Clients lose answers and retry, and two processes of one person use the same stored token at the same moment. This
 * decides whether a code or token that comes again is such a repeat, or a replay by somebody else. Plain data in, a
 * verdict out. Times are seconds since the epoch.
 */

/** For this many seconds a code may come again, if its tokens were not used. */
const CODE_REPEAT_SECONDS = 10;

/** Judges a redeemed code that comes again with the right verifier. `used`: whether its tokens were. */
export function judgeCodeReplay(facts: {
  redeemedAt: number;
  now: number;
  used: boolean;
}): 'repeat' | 'replay' {
  return !facts.used && facts.now - facts.redeemedAt <= CODE_REPEAT_SECONDS ? 'repeat' : 'replay';
}

/**
 * Judges a rotated refresh token that comes again. It is a repeat within `grace` seconds, and after that as long as the
 * refresh token that replaced it was never presented. A repeat gets that same refresh token.
 */
export function judgeRefreshReplay(facts: {
  rotatedAt: number;
  now: number;
  grace: number;
  successorUsed: boolean;
}): 'repeat' | 'replay' {
  return !facts.successorUsed || facts.now - facts.rotatedAt <= facts.grace ? 'repeat' : 'replay';
}

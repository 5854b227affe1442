/*
 * Clients lose answers and retry, and two processes of one person use one stored token at the same moment.
 * Whether a second presentation is such a repeat or somebody else's replay is decided here, by plain data.
 */

/** Seconds in which a code may be presented again, as long as what it gave was not used. */
const CODE_REPEAT_SECONDS = 10;

/** A code that was redeemed comes again, with the right verifier (`BEHAVIOURS`, row 7). */
export function judgeCodeReplay(facts: {
  redeemedAt: number;
  now: number;
  used: boolean;
}): 'repeat' | 'replay' {
  return !facts.used && facts.now - facts.redeemedAt <= CODE_REPEAT_SECONDS ? 'repeat' : 'replay';
}

/**
 * A refresh token that was rotated comes again (row 35): within the grace time, and beyond it for as long as
 * its successor was never presented, whoever holds it gets that same successor.
 */
export function judgeRefreshReplay(facts: {
  rotatedAt: number;
  now: number;
  grace: number;
  successorUsed: boolean;
}): 'repeat' | 'replay' {
  return !facts.successorUsed || facts.now - facts.rotatedAt <= facts.grace ? 'repeat' : 'replay';
}

import type { Source } from '../limits';
import { ok, type Refusal, type Result, refuse } from '../result';
import type { Dropped, Entry, Pool } from './pool';

/** Letters that aren't confused with each other and don't make words (RFC 8628 section 6.1). */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** Seconds for which a wrong code counts. */
export const GUESS_WINDOW = 900;
/** Wrong codes that one person may type in that time. */
const GUESSES_EACH = 5;
/** After this many wrong codes in all, sources and networks that typed more than these must wait. */
const GUESSES_BEFORE_SHARES = 1000;
const GUESSES_OF_SOURCE = 10;
const GUESSES_OF_NETWORK = 50;
const MOST_GUESSES = 2500;
/**
 * Codes that can wait at the same time: the more there are, the easier a guess is. With 2,000 of 20^8 codes and 2,500
 * wrong ones of each budget, the probability that a guess succeeds within 15 minutes is at most 1 in 2,560.
 */
export const USER_CODES = { perSource: 1000, inAll: 2000 };

export type UserCodeRefusal = 'user_code_unknown' | 'user_code_guesses' | 'user_code_taken';

/**
 * The person who types a code. `budget`: anyone can become a visitor, so the wrong codes of visitors are counted apart
 * and don't use up the attempts of people who signed in.
 */
export interface Guesser {
  userId: string;
  budget: 'visitors' | 'people';
  from: Source;
}

/** A new code: 8 of 20 letters, 34 bits. */
export function makeUserCode(): string {
  let code = '';
  while (code.length < LENGTH) {
    const [byte = 255] = crypto.getRandomValues(new Uint8Array(1));
    // Without the last 16 of the 256 values, all letters are equally likely.
    if (byte < 240) code += LETTERS[byte % LETTERS.length];
  }
  return code;
}

/** The code in what a person typed, in any case and with any separators; undefined when it can't be a code. */
export function readUserCode(typed: string): string | undefined {
  const code = typed
    .slice(0, 100)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '');
  return code.length === LENGTH && [...code].every((letter) => LETTERS.includes(letter)) ? code : undefined;
}

/** The code as it is shown, in two halves with a hyphen. */
export function showUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/**
 * Whether a person may try a code (RFC 8628 section 5.1). The counts are of wrong codes within {@link GUESS_WINDOW}, of
 * the same budget: `own` by this person, `source` and `network` from their address, `all` of everybody. After many
 * wrong codes, the rest of the budget is for addresses that had few. The link that a device shows needs no attempt.
 */
export function mayTry(wrong: { own: number; source: number; network: number; all: number }): boolean {
  if (wrong.own >= GUESSES_EACH || wrong.all >= MOST_GUESSES) return false;
  return (
    wrong.all < GUESSES_BEFORE_SHARES ||
    (wrong.source < GUESSES_OF_SOURCE && wrong.network < GUESSES_OF_NETWORK)
  );
}

/** The codes that wait, and the wrong ones that were typed. One object holds all, so the limits are global. */
export class UserCodes {
  constructor(
    private readonly sql: SqlStorage,
    private readonly pool: Pool,
  ) {}

  /**
   * Stores a code, by its hash; `data` is the id of its flow, sealed. Returns the entries that were dropped for it;
   * refused as `user_code_taken` when another flow has the code.
   */
  keep(entry: Entry, now: number): Result<Dropped[], Refusal<UserCodeRefusal>> {
    if (this.pool.has(entry.id, now)) return refuse('user_code_taken');
    return ok(this.pool.enter(entry, USER_CODES, now) ?? []);
  }

  /**
   * The sealed data of a code that a person typed. A wrong one counts against the person, the source, and the network.
   */
  find(hash: string, guesser: Guesser, now: number): Result<string, Refusal<UserCodeRefusal>> {
    const { budget, userId, from } = guesser;
    if (!mayTry(this.wrong(guesser, now))) return refuse('user_code_guesses');
    const found = this.pool.find(hash, now);
    if (found !== undefined) return ok(found);
    const insert = 'INSERT INTO wrong_codes (budget, user_id, source, network, at) VALUES (?, ?, ?, ?, ?)';
    this.sql.exec(insert, budget, userId, from.source, from.network, now);
    return refuse('user_code_unknown');
  }

  purge(now: number): void {
    this.sql.exec('DELETE FROM wrong_codes WHERE at <= ?', now - GUESS_WINDOW);
  }

  /** When {@link purge} next has something to do; undefined when nothing is kept. */
  nextEnd(): number | undefined {
    const row = this.sql.exec('SELECT MIN(at) AS at FROM wrong_codes').one() as { at: number | null };
    return row.at === null ? undefined : row.at + GUESS_WINDOW;
  }

  private wrong({ budget, userId, from }: Guesser, now: number) {
    const since = now - GUESS_WINDOW;
    const query = `SELECT COUNT(*) AS "all", IFNULL(SUM(user_id = ?), 0) AS own,
      IFNULL(SUM(source = ?), 0) AS source, IFNULL(SUM(network = ?), 0) AS network
      FROM wrong_codes WHERE budget = ? AND at > ?`;
    const values = [userId, from.source, from.network, budget, since];
    return this.sql
      .exec<{ all: number; own: number; source: number; network: number }>(query, ...values)
      .one();
  }
}

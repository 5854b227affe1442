import type { Source } from '../limits';
import { ok, type Refusal, type Result, refuse } from '../result';
import type { Dropped, Entry, Pool } from './pool';

/** RFC 8628 section 6.1: letters that can't be mistaken and make no words. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** Seconds for which a wrong code counts. */
export const GUESS_WINDOW = 900;
/** Wrong codes that one person may type. */
const GUESSES_EACH = 5;
/** After so many of all people, sources and networks that typed more than these wait. */
const CALM_GUESSES = 1000;
const LIGHT_SOURCE = 10;
const LIGHT_NETWORK = 50;
const MOST_GUESSES = 2500;
/**
 * Codes that wait at the same time: with more, a guess would be worth more. 2,000 of 20^8 codes and 2,500 wrong ones
 * of each budget: somebody hits one in a quarter of an hour with a probability of at most 1 in 2,560.
 */
export const USER_CODES = { perSource: 1000, inAll: 2000 };

export type UserCodeRefusal = 'user_code_unknown' | 'user_code_guesses' | 'user_code_taken';

/**
 * Who types a code. `budget`: visitors cost nothing to be, so their wrong codes are counted apart from those of people
 * who signed in, and use up nobody else's tries.
 */
export interface Guesser {
  userId: string;
  budget: 'visitors' | 'people';
  from: Source;
}

/** A new code, as it is typed: 8 letters of 20, 34 bits. */
export function makeUserCode(): string {
  let code = '';
  while (code.length < LENGTH) {
    const [byte = 255] = crypto.getRandomValues(new Uint8Array(1));
    // Of 256 values the last 16 would make some letters likelier.
    if (byte < 240) code += LETTERS[byte % LETTERS.length];
  }
  return code;
}

/** The code that somebody typed, in whatever case and with whatever between; undefined when it can't be one. */
export function readUserCode(typed: string): string | undefined {
  const code = typed
    .slice(0, 100)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '');
  return code.length === LENGTH && [...code].every((letter) => LETTERS.includes(letter)) ? code : undefined;
}

/** The code as it is shown: in two halves. */
export function showUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/**
 * Whether somebody may try a code (RFC 8628 section 5.1). Wrong ones within the window, of the same budget: `own` by
 * this person, `source` and `network` from where they are, `all` of everybody. When many were wrong, the rest of the
 * budget is for those who come from where few were; the link that a device shows needs no try at all.
 */
export function mayTry(wrong: { own: number; source: number; network: number; all: number }): boolean {
  if (wrong.own >= GUESSES_EACH || wrong.all >= MOST_GUESSES) return false;
  return wrong.all < CALM_GUESSES || (wrong.source < LIGHT_SOURCE && wrong.network < LIGHT_NETWORK);
}

/** The codes that wait, and the wrong ones that were typed. One object holds all: no address or isolate is apart. */
export class UserCodes {
  constructor(
    private readonly sql: SqlStorage,
    private readonly pool: Pool,
  ) {}

  /**
   * Keeps a code, by its hash; `data` says which flow it means, sealed. Returns what had to go for it, refused as
   * `user_code_taken` when it is another's.
   */
  keep(entry: Entry, now: number): Result<Dropped[], Refusal<UserCodeRefusal>> {
    if (this.pool.has(entry.id, now)) return refuse('user_code_taken');
    return ok(this.pool.enter(entry, USER_CODES, now) ?? []);
  }

  /** What is kept for a code that a person typed. A wrong one is held against them, and where they come from. */
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

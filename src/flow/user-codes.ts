import { ok, type Refusal, type Result, refuse } from '../result';

/** RFC 8628 section 6.1: letters that can't be mistaken and make no words. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** Seconds for which a wrong code counts. */
export const GUESS_WINDOW = 900;
/** Wrong codes that one person may type; after many of all people one each, after most none. */
const GUESSES_EACH = 5;
const MANY_GUESSES = 500;
const MOST_GUESSES = 5000;
/** Codes that wait at the same time. With more, a guess would be worth more. */
const MOST_CODES = 2000;

export type UserCodeRefusal =
  | 'user_code_unknown'
  | 'user_code_guesses'
  | 'user_codes_full'
  | 'user_code_taken';

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
 * Whether somebody may try a code (RFC 8628 section 5.1). `own`: the wrong ones of this person within the
 * window, `all`: of everybody. Many people who guess leave one try to each who hasn't, so that somebody with
 * a code still gets in; the link that a device shows needs no try at all.
 */
export function mayTry({ own, all }: { own: number; all: number }): boolean {
  if (all >= MOST_GUESSES) return false;
  return own < (all >= MANY_GUESSES ? 1 : GUESSES_EACH);
}

/** The codes that wait, and the wrong ones that were typed. One object holds all: no address or isolate is apart. */
export class UserCodes {
  constructor(private readonly sql: SqlStorage) {}

  /** Keeps a code until `expiresAt`. `hash` and `sealed` are the caller's: which flow it means, sealed. */
  keep(hash: string, sealed: string, expiresAt: number, now: number): Result<null, Refusal<UserCodeRefusal>> {
    this.purge(now);
    if (this.count('SELECT COUNT(*) AS n FROM user_codes') >= MOST_CODES) return refuse('user_codes_full');
    const insert = 'INSERT OR IGNORE INTO user_codes (hash, sealed, expires_at) VALUES (?, ?, ?)';
    const { rowsWritten } = this.sql.exec(insert, hash, sealed, expiresAt);
    return rowsWritten > 0 ? ok(null) : refuse('user_code_taken');
  }

  /** What is kept for a code that a person typed. A wrong one is held against that person. */
  find(hash: string, userId: string, now: number): Result<string, Refusal<UserCodeRefusal>> {
    const since = now - GUESS_WINDOW;
    const own = this.count('SELECT COUNT(*) AS n FROM guesses WHERE user_id = ? AND at > ?', userId, since);
    const all = this.count('SELECT COUNT(*) AS n FROM guesses WHERE at > ?', since);
    if (!mayTry({ own, all })) return refuse('user_code_guesses');
    const query = 'SELECT sealed FROM user_codes WHERE hash = ? AND expires_at > ?';
    const row = this.sql.exec<{ sealed: string }>(query, hash, now).toArray()[0];
    if (row) return ok(row.sealed);
    this.sql.exec('INSERT INTO guesses (user_id, at) VALUES (?, ?)', userId, now);
    return refuse('user_code_unknown');
  }

  drop(hash: string): void {
    this.sql.exec('DELETE FROM user_codes WHERE hash = ?', hash);
  }

  purge(now: number): void {
    this.sql.exec('DELETE FROM user_codes WHERE expires_at <= ?', now);
    this.sql.exec('DELETE FROM guesses WHERE at <= ?', now - GUESS_WINDOW);
  }

  /** When {@link purge} next has something to do; undefined when nothing is kept. */
  nextEnd(): number | undefined {
    const query = `SELECT MIN(at) AS at FROM (
      SELECT MIN(expires_at) AS at FROM user_codes UNION ALL SELECT MIN(at) + ${GUESS_WINDOW} FROM guesses)`;
    return (this.sql.exec(query).one() as { at: number | null }).at ?? undefined;
  }

  private count(query: string, ...values: SqlStorageValue[]): number {
    return Number(this.sql.exec(query, ...values).one().n);
  }
}

import { randomSecret, sha256Hex, timingSafeEqual } from '../../crypto';

/** A browser in which this user is signed in. Times are seconds since the epoch. */
export interface SignInRow {
  id: string;
  secret_hash: string;
  user_agent: string;
  created_at: number;
  last_used_at: number;
  expires_at: number;
  /** The access key that signed it in, and with which it ends; null: the person signed in themselves. */
  key_id: string | null;
}

/** How many browsers a user can be signed in with. One more signs out the least recently used one. */
const MOST_SIGN_INS = 100;

/** The rows of the browsers in which a user is signed in. The secret is in the cookie, and its hash here. */
export class SignIns {
  constructor(private readonly sql: SqlStorage) {}

  /** Signs a browser in, for `ttl` seconds. Returns what its cookie holds. */
  async create(
    userAgent: string,
    now: number,
    ttl: number,
    keyId?: string,
  ): Promise<{ id: string; secret: string }> {
    const [id, secret] = [crypto.randomUUID(), randomSecret()];
    const hash = await sha256Hex(secret);
    const others = `SELECT id FROM sign_ins ORDER BY last_used_at DESC, created_at DESC
      LIMIT -1 OFFSET ${MOST_SIGN_INS - 1}`;
    this.sql.exec(`DELETE FROM sign_ins WHERE id IN (${others})`);
    this.sql.exec(
      `INSERT INTO sign_ins (id, secret_hash, user_agent, created_at, last_used_at, expires_at, key_id)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      hash,
      userAgent.slice(0, 300),
      now,
      now,
      now + ttl,
      keyId ?? null,
    );
    return { id, secret };
  }

  /** The sign-in of a cookie. Undefined when it was ended or has expired, or has another secret. */
  async find(id: string, secret: string, now: number): Promise<SignInRow | undefined> {
    const hash = await sha256Hex(secret);
    const query = 'SELECT * FROM sign_ins WHERE id = ? AND expires_at > ?';
    const row = this.sql.exec(query, id, now).toArray()[0] as SignInRow | undefined;
    if (!row || !timingSafeEqual(row.secret_hash, hash)) return undefined;
    if (now - row.last_used_at >= 60) {
      this.sql.exec('UPDATE sign_ins SET last_used_at = ? WHERE id = ?', now, id);
    }
    return row;
  }

  /** The browsers in which the user is signed in now, the latest first. */
  list(now: number): SignInRow[] {
    const query = 'SELECT * FROM sign_ins WHERE expires_at > ? ORDER BY created_at DESC, id';
    return this.sql.exec(query, now).toArray() as unknown as SignInRow[];
  }

  /** Signs one browser out. False when it wasn't signed in. */
  end(id: string): boolean {
    return this.sql.exec('DELETE FROM sign_ins WHERE id = ?', id).rowsWritten > 0;
  }

  /** Signs out every browser that an access key signed in; without a key, all browsers. */
  endAll(keyId?: string): void {
    if (keyId === undefined) this.sql.exec('DELETE FROM sign_ins');
    else this.sql.exec('DELETE FROM sign_ins WHERE key_id = ?', keyId);
  }

  /** Signs out every browser in which the person signed in themselves. */
  endOwn(): void {
    this.sql.exec('DELETE FROM sign_ins WHERE key_id IS NULL');
  }

  /** Removes what has expired. */
  runMaintenance(now: number): void {
    this.sql.exec('DELETE FROM sign_ins WHERE expires_at <= ?', now);
  }

  /** When {@link runMaintenance} next has something to do; undefined: never. */
  nextEnd(): number | undefined {
    const row = this.sql.exec('SELECT MIN(expires_at) AS at FROM sign_ins').one() as { at: number | null };
    return row.at ?? undefined;
  }
}

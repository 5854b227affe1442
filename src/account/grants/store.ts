import { forgetOldRotations, grantsTooMany } from './bounds';
import { RecordView, type StoredRecord } from './records';
import type { CodeRow, GrantRow, RotationRow } from './rows';

/** SQL: whether the access key that a grant was made with, if any, is still valid. `?1`: now. */
const KEY_STANDS = `(key_id IS NULL OR key_id IN
  (SELECT id FROM access_keys WHERE revoked_at IS NULL AND expires_at > ?1))`;

/** For this many seconds the row of an ended grant stays. */
const KEPT_AFTER_END = 3600;

type Columns = Record<string, SqlStorageValue>;

/** Inserts a row. */
export type Insert = (table: string, columns: Columns) => void;

/** What is committed: for which grant, and when its refresh token and the access token end (seconds since the epoch). */
export interface Commit {
  grantId: string;
  refresh: number;
  access: number;
  /** The grant's own row, where it is new. */
  grant?: Columns;
}

/**
 * The rows of a principal's grants. Every change of a `grant:` or `token:` record goes through {@link write}, which puts
 * it into the outbox in the same transaction. `now` is in seconds since the epoch, `hash` a SHA-256 in hex.
 */
export class GrantStore {
  private readonly sql: SqlStorage;

  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly userId: () => string,
  ) {
    this.sql = storage.sql;
  }

  /** A view for one call of the issuer. `shown`: values by key that it sees besides this account's own records. */
  view(now: number, shown: Readonly<Record<string, string>>): RecordView {
    return new RecordView((key) => this.record(key, now)?.value, shown);
  }

  /**
   * A grant's record, by its key, without an end: whether it has ended is decided here, and the library refuses what
   * ends within a minute.
   */
  grantWithoutEnd(grantId: string, now: number): Record<string, string> {
    const key = this.grantKey(grantId);
    const record = this.record(key, now);
    if (!record) return {};
    const { expiresAt: _, ...lasting } = JSON.parse(record.value) as { expiresAt?: number };
    return { [key]: JSON.stringify(lasting) };
  }

  /** A valid grant. Undefined when it was revoked or has ended, or the access key that it was made with. */
  find(id: string, now: number): GrantRow | undefined {
    const query = `SELECT * FROM grants WHERE id = ?2 AND expires_at > ?1 AND ${KEY_STANDS}`;
    return this.row<GrantRow>(query, now, id);
  }

  /** The valid grants, the newest first. */
  list(now: number): GrantRow[] {
    const query = `SELECT * FROM grants WHERE refresh_expires_at > ?1 AND ${KEY_STANDS}
      ORDER BY created_at DESC, id`;
    return this.sql.exec<Columns>(query, now).toArray() as unknown as GrantRow[];
  }

  /** A code, redeemed or not. */
  code(hash: string): CodeRow | undefined {
    return this.row<CodeRow>('SELECT * FROM codes WHERE hash = ?', hash);
  }

  /** A refresh token that was rotated. */
  rotation(hash: string): RotationRow | undefined {
    return this.row<RotationRow>('SELECT * FROM rotations WHERE hash = ?', hash);
  }

  /** Whether a refresh token of the grant was ever presented. */
  wasRotated(grantId: string): boolean {
    return this.row('SELECT hash FROM rotations WHERE grant_id = ? LIMIT 1', grantId) !== undefined;
  }

  /** A record that has not ended. `key`: see {@link grantKey} and {@link tokenKey}. */
  record(key: string, now: number): StoredRecord | undefined {
    const query = `SELECT value, metadata, expires_at FROM records
      WHERE key = ? AND IFNULL(expires_at > ?, TRUE)`;
    return this.row<StoredRecord>(query, key, now);
  }

  /** Whether a hash is that of a refresh token of the grant: the current one, or one that was rotated. */
  refreshToken(grantId: string, hash: string, now: number): 'current' | 'rotated' | undefined {
    const record = JSON.parse(this.record(this.grantKey(grantId), now)?.value ?? '{}') as RefreshFields;
    if (record.refreshTokenId === hash) return 'current';
    return this.rotation(hash)?.grant_id === grantId ? 'rotated' : undefined;
  }

  /**
   * Stores what the issuer wrote into a view, with the ends that the object decided, together with the rows that
   * belong to it. False, and nothing stored, when the grant was revoked meanwhile, or the visitor whose account this is
   * began to be merged into a user.
   */
  commit(
    view: RecordView,
    { grantId, refresh, access, grant }: Commit,
    rows: (insert: Insert) => void,
  ): boolean {
    return this.storage.transactionSync(() => {
      const update = `UPDATE grants SET refresh_expires_at = ? WHERE id = ?
        AND NOT EXISTS (SELECT 1 FROM moved_to)`;
      if (grant) this.insert('grants', grant);
      else if (this.sql.exec(update, refresh, grantId).rowsWritten === 0) return false;
      rows((table, columns) => this.insert(table, columns));
      for (const [key, record] of view.writes) {
        this.write(key, endAt(record, key.startsWith('token:') ? access : refresh));
      }
      return true;
    });
  }

  /** Ends a grant with its codes and tokens, at once. False when there was none. */
  revoke(id: string): boolean {
    return this.storage.transactionSync(() => {
      const keys = this.keysOf(id);
      const existed = this.sql.exec('DELETE FROM grants WHERE id = ?', id).rowsWritten > 0;
      for (const key of keys) this.write(key, null);
      this.sql.exec('DELETE FROM codes WHERE grant_id = ?', id);
      this.sql.exec('DELETE FROM rotations WHERE grant_id = ?', id);
      this.sql.exec('DELETE FROM exchanges WHERE grant_id = ?', id);
      return existed;
    });
  }

  /** Ends every grant that was made with an access key. */
  revokeOfKey(keyId: string): void {
    const rows = this.sql.exec<{ id: string }>('SELECT id FROM grants WHERE key_id = ?', keyId).toArray();
    for (const { id } of rows) this.revoke(id);
  }

  /** Ends every grant. */
  revokeAll(): void {
    const rows = this.sql.exec<{ id: string }>('SELECT id FROM grants').toArray();
    for (const { id } of rows) this.revoke(id);
  }

  /** Whether there is any grant. */
  any(): boolean {
    return this.row('SELECT id FROM grants LIMIT 1') !== undefined;
  }

  /** Ends one access token, with all tokens that were exchanged for it. The grant stays. */
  dropToken(grantId: string, hash: string): void {
    const made = `WITH RECURSIVE made(hash) AS (
      SELECT ?1 UNION SELECT exchanges.hash FROM exchanges JOIN made ON exchanges.subject = made.hash
    ) SELECT hash FROM made`;
    this.storage.transactionSync(() => {
      const hashes = this.sql.exec<{ hash: string }>(made, hash).toArray();
      for (const one of hashes) {
        this.write(this.tokenKey(grantId, one.hash), null);
        this.sql.exec('DELETE FROM exchanges WHERE hash = ?', one.hash);
      }
    });
  }

  /** Replaces the stored answer of a code or a rotated refresh token. */
  setAnswer(table: 'codes' | 'rotations', hash: string, answer: string): void {
    this.sql.exec(`UPDATE ${table} SET answer = ? WHERE hash = ?`, answer, hash);
  }

  /** Stores that a code was redeemed, and the answer that it got. */
  markRedeemed(hash: string, now: number, answer: string): void {
    this.sql.exec('UPDATE codes SET redeemed_at = ?, answer = ? WHERE hash = ?', now, answer, hash);
  }

  /**
   * Deletes what no repeat can get any more: the stored answers of refresh tokens whose replacement was presented and
   * whose grace time is over, and rotations that are older than a refresh token can be.
   */
  forgetAnswers(grantId: string, now: number, tokens: { grace: number; refresh: number }): void {
    this.sql.exec(
      `UPDATE rotations SET answer = '' WHERE grant_id = ? AND rotated_at < ?
       AND successor IN (SELECT hash FROM rotations)`,
      grantId,
      now - tokens.grace,
    );
    this.sql.exec(
      'DELETE FROM rotations WHERE grant_id = ? AND rotated_at < ?',
      grantId,
      now - Math.max(tokens.refresh, tokens.grace),
    );
    forgetOldRotations(this.sql, grantId);
    this.sql.exec('UPDATE codes SET answer = NULL WHERE grant_id = ?', grantId);
  }

  /** Ends the least recently used grants, so that a person can make one more. */
  limitGrants(): void {
    for (const id of grantsTooMany(this.sql)) this.revoke(id);
  }

  /** Stores that a grant was used, at most once a minute: a protected request should cost no write. */
  touch(grant: GrantRow, now: number): void {
    if (grant.last_used_at !== null && now - grant.last_used_at < 60) return;
    this.sql.exec('UPDATE grants SET last_used_at = ? WHERE id = ?', now, grant.id);
  }

  /** Removes what has ended; grants an hour later, so that the log can say why a late client is refused. */
  runMaintenance(now: number): void {
    const query = 'SELECT id FROM grants WHERE expires_at <= ?1 OR refresh_expires_at <= ?1';
    const ended = this.sql
      .exec<{ id: string }>(query, now - KEPT_AFTER_END)
      .toArray()
      .filter(({ id }) => !this.keysOf(id).some((key) => key.startsWith('token:') && this.record(key, now)));
    for (const { id } of ended) this.revoke(id);
    this.sql.exec("DELETE FROM records WHERE expires_at <= ? AND key >= 'token:'", now);
    this.sql.exec('DELETE FROM exchanges WHERE expires_at <= ?', now);
  }

  /** When {@link runMaintenance} next has something to do. */
  nextEnd(): number | undefined {
    const query = `SELECT MIN(at) AS at FROM (
      SELECT MIN(expires_at) AS at FROM records WHERE key >= 'token:'
      UNION ALL SELECT MIN(MIN(expires_at, refresh_expires_at)) + ${KEPT_AFTER_END} FROM grants)`;
    return this.row<{ at: number | null }>(query)?.at ?? undefined;
  }

  /** The key of a grant's record in the library's layout. */
  grantKey(grantId: string): string {
    return `grant:${this.issuedAs(grantId)}:${grantId}`;
  }

  /** The key of an access token's record in the library's layout. */
  tokenKey(grantId: string, hash: string): string {
    return `token:${this.issuedAs(grantId)}:${grantId}:${hash}`;
  }

  private issuedAs(grantId: string): string {
    const row = this.row<{ issued_as: string | null }>('SELECT issued_as FROM grants WHERE id = ?', grantId);
    return row?.issued_as ?? this.userId();
  }

  private keysOf(grantId: string): string[] {
    const prefix = this.tokenKey(grantId, '');
    const query = 'SELECT key FROM records WHERE key = ? OR (key >= ? AND key < ?)';
    return this.sql
      .exec<{ key: string }>(query, this.grantKey(grantId), prefix, `${prefix}~`)
      .toArray()
      .map((row) => row.key);
  }

  private write(key: string, record: StoredRecord | null): void {
    this.sql.exec('DELETE FROM records WHERE key = ?', key);
    if (record) this.insert('records', { key, ...record });
    this.insert('outbox', { key, ...record });
  }

  private insert(table: string, columns: Columns): void {
    const names = Object.keys(columns);
    const places = names.map(() => '?').join(', ');
    this.sql.exec(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`, ...Object.values(columns));
  }

  private row<T>(query: string, ...values: SqlStorageValue[]): T | undefined {
    return this.sql.exec(query, ...values).toArray()[0] as T | undefined;
  }
}

interface RefreshFields {
  refreshTokenId?: string;
}

/** A record with the end that the object decided, also in the field that the library's layout has for it. */
function endAt(record: Omit<StoredRecord, 'expires_at'>, expires_at: number): StoredRecord {
  const value = JSON.stringify({ ...(JSON.parse(record.value) as object), expiresAt: expires_at });
  return { ...record, value, expires_at };
}

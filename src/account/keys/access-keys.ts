import { timingSafeEqual } from '../../crypto';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { Disabled } from '../principal/disabled';
import type { Scope } from '../principal/scopes';
import { deniedBy } from '../provider/store';

/** An access key's row. Times are seconds since the epoch. */
export interface AccessKeyRow {
  id: string;
  /** SHA-256 of the whole key, hex. */
  secret_hash: string;
  name: string;
  /** Separated by spaces. */
  scope: string;
  /** JSON array of names. */
  servers: string;
  /** JSON array of globs over `{server}_{tool}`; null: all. */
  tools: string | null;
  created_at: number;
  expires_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

/** What a new key may do. `tools`: globs of `{server}_{tool}`; undefined: all. `expires_at`: seconds since the epoch. */
export interface KeySpec {
  name: string;
  scope: Scope[];
  servers: string[];
  tools?: string[] | undefined;
  expires_at: number;
}

/** What a key may do, and who signed in with it. Times are seconds since the epoch. */
export interface KeyLimits {
  id: string;
  name: string;
  scope: Scope[];
  servers: string[];
  tools: string[] | undefined;
  created_at: number;
  expires_at: number;
}

/** A key as its owner sees it: everything except its secret. */
export type AccessKey = KeyLimits & { last_used_at: number | undefined };

/**
 * Why a key isn't valid. `key_unknown`: there is no such key, or it has another secret. `sso_required`: the owner's
 * sign-in provider, which `detail` names, doesn't confirm them any more, until they sign in there again.
 * `account_disabled`: an admin disabled the owner's account.
 */
export type KeyRefusal = 'key_unknown' | 'key_revoked' | 'key_expired' | 'sso_required' | 'account_disabled';
/**
 * Why no key is made. `keys_too_many`: the account has {@link MOST_KEYS}. `keys_too_fast`: `detail` is the seconds to
 * wait. `key_made`: there is one with that id already, so the same form was sent twice.
 */
export type KeyLimitRefusal = 'keys_too_many' | 'keys_too_fast' | 'key_made';

/** How many valid keys an account can have. */
export const MOST_KEYS = 100;
/** How many keys can be made within {@link AT_ONCE_SECONDS}, revoked ones included. */
export const MOST_AT_ONCE = 5;
export const AT_ONCE_SECONDS = 30;
/** For this many seconds a revoked key is stored, so that the log can distinguish it from one that never existed. */
const REVOKED_KEPT = 3600;
/** For this many seconds an expired key stays in its owner's list. */
const EXPIRED_KEPT = 30 * 86_400;

/** The rows of an account's access keys. `hash`: SHA-256 of the whole key in hex; `now`: seconds since the epoch. */
export class AccessKeys {
  constructor(
    private readonly sql: SqlStorage,
    private readonly disabled: Disabled,
  ) {}

  /** Whether one more key can be made now, with that id. */
  mayMake(id: string, now: number): Result<null, Refusal<KeyLimitRefusal>> {
    if (this.row(id)) return refuse('key_made');
    const standing = 'SELECT COUNT(*) AS n FROM access_keys WHERE expires_at > ? AND revoked_at IS NULL';
    if (this.number(standing, now) >= MOST_KEYS) return refuse('keys_too_many');
    const since = now - AT_ONCE_SECONDS;
    if (this.number('SELECT COUNT(*) AS n FROM access_keys WHERE created_at > ?', since) < MOST_AT_ONCE) {
      return ok(null);
    }
    const oldest = `SELECT MIN(created_at) AS n FROM
      (SELECT created_at FROM access_keys ORDER BY created_at DESC LIMIT ${MOST_AT_ONCE})`;
    return refuse('keys_too_fast', String(Math.max(1, this.number(oldest) + AT_ONCE_SECONDS - now)));
  }

  /** Stores a new key. */
  add(id: string, secret_hash: string, spec: KeySpec, now: number): void {
    const { name, scope, servers, tools, expires_at } = spec;
    this.sql.exec(
      `INSERT INTO access_keys (id, secret_hash, name, scope, servers, tools, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      secret_hash,
      name,
      scope.join(' '),
      JSON.stringify(servers),
      tools ? JSON.stringify(tools) : null,
      now,
      expires_at,
    );
  }

  /** The limits of a key, by its id and hash. */
  check(id: string, hash: string, now: number): Result<KeyLimits, Refusal<KeyRefusal>> {
    const row = this.row(id);
    if (!row || !timingSafeEqual(row.secret_hash, hash)) return refuse('key_unknown');
    return this.limits(row, now);
  }

  /** The limits of a key by its id, for what was made with it. Undefined when it isn't valid. */
  standing(id: string, now: number): KeyLimits | undefined {
    const row = this.row(id);
    const found = row && this.limits(row, now);
    return found?.ok ? found.value : undefined;
  }

  /** Stores that a key was used, at most once a minute: a protected request should cost no write. */
  touch(id: string, now: number): void {
    const update =
      'UPDATE access_keys SET last_used_at = ?1 WHERE id = ?2 AND ?1 - IFNULL(last_used_at, 0) >= 60';
    this.sql.exec(update, now, id);
  }

  /** All keys that were not revoked, the newest first. Expired ones are among them for {@link EXPIRED_KEPT} seconds. */
  list(): AccessKey[] {
    const query = 'SELECT * FROM access_keys WHERE revoked_at IS NULL ORDER BY created_at DESC, id';
    const rows = this.sql.exec(query).toArray() as unknown as AccessKeyRow[];
    return rows.map((row) => ({ ...limitsOf(row), last_used_at: row.last_used_at ?? undefined }));
  }

  /** Revokes a key. False when there was none, or it was revoked before. */
  revoke(id: string, now: number): boolean {
    const update = 'UPDATE access_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL';
    return this.sql.exec(update, now, id).rowsWritten > 0;
  }

  /** Removes what was revoked or expired long enough ago. */
  runMaintenance(now: number): void {
    this.sql.exec('DELETE FROM access_keys WHERE revoked_at <= ?', now - REVOKED_KEPT);
    this.sql.exec('DELETE FROM access_keys WHERE expires_at <= ?', now - EXPIRED_KEPT);
  }

  /** When {@link runMaintenance} next has something to do. */
  nextEnd(): number | undefined {
    const query = `SELECT MIN(IFNULL(revoked_at + ${REVOKED_KEPT}, expires_at + ${EXPIRED_KEPT})) AS n
      FROM access_keys`;
    return (this.sql.exec(query).one() as { n: number | null }).n ?? undefined;
  }

  private limits(row: AccessKeyRow, now: number): Result<KeyLimits, Refusal<KeyRefusal>> {
    if (row.revoked_at !== null) return refuse('key_revoked');
    if (row.expires_at <= now) return refuse('key_expired');
    if (this.disabled.since() !== undefined) return refuse('account_disabled');
    const provider = deniedBy(this.sql, now);
    return provider === undefined ? ok(limitsOf(row)) : refuse('sso_required', provider);
  }

  private row(id: string): AccessKeyRow | undefined {
    const rows = this.sql.exec('SELECT * FROM access_keys WHERE id = ?', id).toArray();
    return rows[0] as AccessKeyRow | undefined;
  }

  private number(query: string, ...values: SqlStorageValue[]): number {
    return Number((this.sql.exec(query, ...values).one() as { n: number | null }).n);
  }
}

function limitsOf({ id, name, scope, servers, tools, created_at, expires_at }: AccessKeyRow): KeyLimits {
  return {
    id,
    name,
    scope: scope.split(' ') as Scope[],
    servers: JSON.parse(servers) as string[],
    tools: tools === null ? undefined : (JSON.parse(tools) as string[]),
    created_at,
    expires_at,
  };
}

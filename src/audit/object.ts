import { DurableObject } from 'cloudflare:workers';
import { objectSettings } from '../config';
import { hasSchema, migrate } from '../migrations';
import { DAY_MS } from './days';
import type { AuditEntry, StoredEntry } from './event';
import { type AuditFilter, conditionsOf } from './filter';
import { AUDIT_SCHEMA, COLUMNS } from './schema';

const NAMES = COLUMNS.map((column) => `"${column}"`).join(', ');
const INSERT = `INSERT INTO entries (${NAMES}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;

/**
 * The `AuditLog` of one day (UTC): its entries in the order of arrival. It is made by the first entry, and deletes
 * itself when the day is older than `AUDIT.retention`.
 */
export class AuditLogObject extends DurableObject<Env> {
  /** Stores a batch, all or none. */
  async append(entries: readonly AuditEntry[]): Promise<void> {
    const { storage } = this.ctx;
    migrate(storage, AUDIT_SCHEMA);
    storage.transactionSync(() => {
      for (const entry of entries)
        storage.sql.exec(INSERT, ...COLUMNS.map((column) => entry[column] ?? null));
    });
    if ((await storage.getAlarm()) === null) await storage.setAlarm(this.#endsAt() ?? Date.now());
  }

  /** Up to `limit` entries that fit, the latest first; only those before the one numbered `before`, if given. */
  query(
    filter: AuditFilter,
    { limit, before }: { limit: number; before?: number | undefined },
  ): StoredEntry[] {
    // A day on which nothing happened stays without an object.
    if (!hasSchema(this.ctx.storage)) return [];
    const { sql, values } = conditionsOf(filter, before);
    const query = `SELECT seq, ${NAMES} FROM entries WHERE ${sql} ORDER BY seq DESC LIMIT ?`;
    const rows = this.ctx.storage.sql.exec(query, ...values, limit).toArray();
    return rows.map(withoutNulls);
  }

  /** Takes the name and the address of a user out of their entries; the user id stays, as a pseudonym. */
  forgetUser(user: string): void {
    if (!hasSchema(this.ctx.storage)) return;
    const forget = 'UPDATE entries SET user_name = NULL, user_email = NULL, ip = NULL WHERE user = ?';
    this.ctx.storage.sql.exec(forget, user);
  }

  /** The end of the day's retention, by the setting as it is now. */
  override async alarm(): Promise<void> {
    const endsAt = this.#endsAt() ?? 0;
    if (endsAt > Date.now()) return this.ctx.storage.setAlarm(endsAt);
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
  }

  #endsAt(): number | undefined {
    const { at } = this.ctx.storage.sql.exec('SELECT MAX(time) AS at FROM entries').one() as {
      at: number | null;
    };
    return at === null ? undefined : at + (objectSettings(this.env).audit.retention + 1) * DAY_MS;
  }
}

/** A row as an entry: columns without a value are left out. */
function withoutNulls(row: Record<string, SqlStorageValue>): StoredEntry {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== null),
  ) as unknown as StoredEntry;
}

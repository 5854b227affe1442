/** Seconds. KV accepts no expiry that is sooner. */
const KV_MIN_TTL = 60;
/** Seconds since the epoch. The runtime accepts no later expiry (32 bits), and would never get past such a copy. */
const KV_LATEST = 2 ** 31 - 1;
const BATCH = 50;

interface OutboxRow {
  seq: number;
  key: string;
  value: string | null;
  metadata: string | null;
  expires_at: number | null;
}

/**
 * Changes that wait to be copied to `OAUTH_KV`: for listing across users, and for tools that read the library's layout.
 * Nothing is decided by the copies.
 */
export class Outbox {
  constructor(
    private readonly sql: SqlStorage,
    private readonly kv: KVNamespace,
  ) {}

  /**
   * Adds a copy; a null value deletes it. Runs in the transaction of what is copied. `expires_at`: seconds since the
   * epoch.
   */
  add(copy: { key: string; value: string | null; expires_at?: number }): void {
    const insert = 'INSERT INTO outbox (key, value, expires_at) VALUES (?, ?, ?)';
    this.sql.exec(insert, copy.key, copy.value, copy.expires_at ?? null);
  }

  /** Whether anything waits. */
  get waiting(): boolean {
    return this.sql.exec('SELECT seq FROM outbox LIMIT 1').toArray().length > 0;
  }

  /** Copies what waits, the oldest first. Throws when KV fails; that copy, and all after it, stay for the next try. */
  async flush(now: number): Promise<void> {
    for (;;) {
      const rows = this.sql.exec(`SELECT * FROM outbox ORDER BY seq LIMIT ${BATCH}`).toArray();
      const batch = rows as unknown as OutboxRow[];
      const newest = new Map(batch.map((row) => [row.key, row]));
      for (const row of newest.values()) await this.copy(row, now);
      const last = batch.at(-1);
      if (!last) return;
      this.sql.exec('DELETE FROM outbox WHERE seq <= ?', last.seq);
    }
  }

  private async copy(row: OutboxRow, now: number): Promise<void> {
    const gone = row.value === null || (row.expires_at !== null && row.expires_at <= now);
    if (gone) return this.kv.delete(row.key);
    await this.kv.put(row.key, row.value ?? '', {
      ...(row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) as unknown }),
      ...(row.expires_at === null ? {} : { expiration: kvExpiration(row.expires_at, now) }),
    });
  }
}

function kvExpiration(expires_at: number, now: number): number {
  return Math.min(Math.max(expires_at, now + KV_MIN_TTL + 5), KV_LATEST);
}

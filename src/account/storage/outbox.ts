/** KV takes no expiry that is nearer than this, in seconds. */
const KV_MIN_TTL = 60;
/** The runtime takes an expiry as 32 bits; one that is later would hold up all that waits behind it. */
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
 * Changes of grants and tokens on their way to `OAUTH_KV`, for listing across users and for whoever reads
 * the library's layout. Nothing here decides by that copy.
 */
export class Outbox {
  constructor(
    private readonly sql: SqlStorage,
    private readonly kv: KVNamespace,
  ) {}

  /** A copy to be made; null: to be taken away. Goes into the transaction of what it is a copy of. */
  add(copy: { key: string; value: string | null; expires_at?: number }): void {
    const insert = 'INSERT INTO outbox (key, value, expires_at) VALUES (?, ?, ?)';
    this.sql.exec(insert, copy.key, copy.value, copy.expires_at ?? null);
  }

  get waiting(): boolean {
    return this.sql.exec('SELECT seq FROM outbox LIMIT 1').toArray().length > 0;
  }

  /** Copies what waits, oldest first. What throws stays, with all that came after it, for the next try. */
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

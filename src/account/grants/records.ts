/** A record as the library's KV layout has it; `expires_at` in seconds, null: lasts. */
export interface StoredRecord {
  value: string;
  metadata: string | null;
  expires_at: number | null;
}

type PutOptions = { expiration?: number; expirationTtl?: number; metadata?: unknown };

/**
 * The KV namespace that the issuing library sees inside an `Account`: its `grant:` and `token:` keys are
 * this object's own rows, `client:` keys the one client that the caller verified, and nothing else is
 * there (falling through to KV would revive what was revoked). Writes wait until {@link writes} is
 * committed with the rows that belong to them, so that a crash leaves all or nothing.
 */
export class RecordView {
  readonly writes = new Map<string, StoredRecord | null>();

  constructor(
    private readonly sql: SqlStorage,
    private readonly now: number,
    private readonly client: { key: string; value: string } | undefined,
  ) {}

  /** As the library's `env.OAUTH_KV`: it calls these four methods and no other. */
  asNamespace(): KVNamespace {
    return this as unknown as KVNamespace;
  }

  async get(key: string, options?: { type?: string } | string): Promise<unknown> {
    const value = key === this.client?.key ? this.client.value : this.read(key)?.value;
    if (value === undefined) return null;
    const type = typeof options === 'string' ? options : options?.type;
    return type === 'json' ? JSON.parse(value) : value;
  }

  async put(key: string, value: string, options: PutOptions = {}): Promise<void> {
    this.mustBeOwn(key);
    const expires = options.expiration ?? (options.expirationTtl ? this.now + options.expirationTtl : null);
    const metadata = options.metadata === undefined ? null : JSON.stringify(options.metadata);
    this.writes.set(key, { value, metadata, expires_at: expires });
  }

  async delete(key: string): Promise<void> {
    this.mustBeOwn(key);
    this.writes.set(key, null);
  }

  async list(options: KVNamespaceListOptions = {}) {
    const [prefix, cursor, limit] = [options.prefix ?? '', options.cursor ?? '', options.limit ?? 1000];
    const stored = this.sql
      .exec<{ key: string }>('SELECT key FROM records WHERE key >= ? AND key > ?', prefix ?? '', cursor)
      .toArray()
      .map((row) => row.key);
    const names = [...new Set([...stored, ...this.writes.keys()])]
      .filter((key) => key.startsWith(prefix) && key > cursor && this.read(key) !== undefined)
      .sort();
    const keys = names.slice(0, limit).map((name) => {
      const record = this.read(name);
      return {
        name,
        ...(record?.expires_at ? { expiration: record.expires_at } : {}),
        ...(record?.metadata ? { metadata: JSON.parse(record.metadata) as unknown } : {}),
      };
    });
    if (names.length <= keys.length) return { keys, list_complete: true, cacheStatus: null };
    return { keys, list_complete: false, cursor: keys.at(-1)?.name ?? '', cacheStatus: null };
  }

  /** What stands at a key, waiting writes included; undefined when nothing does or it expired. */
  read(key: string): StoredRecord | undefined {
    const waiting = this.writes.get(key);
    if (waiting === null) return undefined;
    const record =
      waiting ??
      this.sql
        .exec<Record<keyof StoredRecord, SqlStorageValue>>(
          'SELECT value, metadata, expires_at FROM records WHERE key = ?',
          key,
        )
        .toArray()[0];
    if (!record) return undefined;
    const found = record as StoredRecord;
    return found.expires_at !== null && found.expires_at <= this.now ? undefined : found;
  }

  private mustBeOwn(key: string): void {
    if (!/^(grant|token):/.test(key)) throw new Error(`the issuing library wrote an unexpected key: ${key}`);
  }
}

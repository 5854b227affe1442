import type { IssuerRecords } from './issuer';

/** A record as it is stored. `value`: JSON in the library's layout; `expires_at`: seconds, null: none. */
export interface StoredRecord {
  value: string;
  /** JSON. */
  metadata: string | null;
  expires_at: number | null;
}

/**
 * The records that one call of the issuer sees. Those of this account, as they are stored, and those that are shown to
 * it for this call: the client that the Worker verified, and what it has to see with another end. There is nothing
 * else: falling through to KV would bring back what was revoked. What it writes waits in {@link writes} until it is
 * committed with the rows that belong to it ({@link GrantStore.commit}), so that a crash leaves all or nothing.
 */
export class RecordView implements IssuerRecords {
  readonly writes = new Map<string, Omit<StoredRecord, 'expires_at'>>();

  /**
   * @param stored the value of a stored record that has not ended
   * @param shown values by key, which stand in for the stored ones
   */
  constructor(
    private readonly stored: (key: string) => string | undefined,
    private readonly shown: Readonly<Record<string, string>>,
  ) {}

  async read(key: string): Promise<string | undefined> {
    return this.writes.get(key)?.value ?? this.shown[key] ?? this.stored(key);
  }

  async write(key: string, value: string, metadata?: unknown): Promise<void> {
    if (!/^(grant|token):/.test(key)) throw new Error(`the issuing library wrote an unexpected key: ${key}`);
    this.writes.set(key, { value, metadata: metadata === undefined ? null : JSON.stringify(metadata) });
  }
}

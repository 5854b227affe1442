import type { GrantStore } from '../grants/store';

/**
 * Data that moves when a visitor is merged into a user. What else an account has (browser sign-ins, access keys) stays,
 * or a visitor can't have it.
 */
export interface MigratableData {
  readonly name: string;
  /** The names of what there is, for the person who is asked. `now`: seconds since the epoch. */
  names(now: number): string[];
  /** Everything, as values that can be sent to another object. What is encrypted for this account is decrypted. */
  pack(): Promise<unknown>;
  /** Prepares what {@link pack} of the account `from` returned. Returns a function that stores it, in a transaction. */
  prepare(packed: unknown, from: string): Promise<() => void>;
  /** Removes everything here, in the transaction that ends the handover. */
  drop(): void;
}

const TABLES = ['grants', 'codes', 'rotations', 'records', 'exchanges', 'outbox'] as const;
type Row = Record<string, SqlStorageValue>;
type Packed = Record<(typeof TABLES)[number], Row[]>;

/**
 * Grants with their codes and tokens, and copies that wait for KV. Their records keep the visitor's user id, because every
 * token of theirs begins with it, the future ones included.
 */
export function migratableGrants(sql: SqlStorage, grants: GrantStore): MigratableData {
  return {
    name: 'grants',
    names: (now) => grants.list(now).map(({ client_name }) => client_name),
    pack: async () =>
      Object.fromEntries(TABLES.map((table) => [table, sql.exec(`SELECT * FROM ${table}`).toArray()])),
    prepare: async (packed, from) => () => {
      for (const [table, rows] of Object.entries((packed ?? {}) as Packed)) {
        for (const { seq: _, ...row } of rows) {
          insert(sql, table, table === 'grants' ? { ...row, issued_as: row.issued_as ?? from } : row);
        }
      }
    },
    drop: () => {
      for (const table of TABLES) sql.exec(`DELETE FROM ${table}`);
    },
  };
}

function insert(sql: SqlStorage, table: string, row: Row): void {
  const names = Object.keys(row);
  const places = names.map(() => '?').join(', ');
  sql.exec(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`, ...Object.values(row));
}

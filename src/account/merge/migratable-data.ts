import type { GrantStore } from '../grants/store';

/**
 * Something that moves along when a visitor signs in. `Account` has a list of them; what an account keeps
 * besides (browser sign-ins, access keys) stays behind or can't be a visitor's.
 */
export interface MigratableData {
  readonly name: string;
  /** What there is, in words for the person who is asked. */
  names(now: number): string[];
  /** Everything, as values that a call between objects can carry: what is sealed for this account is opened. */
  pack(): Promise<unknown>;
  /** Makes ready what {@link pack} gave, of the account `from`; what it returns writes it, without waiting. */
  prepare(packed: unknown, from: string): Promise<() => void>;
  /** Removes everything here; runs in the transaction that ends the handover. */
  drop(): void;
}

const TABLES = ['grants', 'codes', 'rotations', 'records', 'exchanges', 'outbox'] as const;
type Row = Record<string, SqlStorageValue>;
type Packed = Record<(typeof TABLES)[number], Row[]>;

/**
 * Grants with their codes and tokens. Their records stay under the visitor's user id, which every token that
 * was issued begins with, and so will those that are issued from them; copies that wait for KV go along.
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

import { noteKeyVersions } from '../storage/key-versions';

/** What is kept of the sign-in provider; times are seconds since the epoch. */
export interface ProviderRow {
  /** Of this very refresh token: another one each time that one is stored. */
  token_id: string | null;
  /** A `ProviderToken`. */
  sealed: string | null;
  /** Of `GATEHOUSE_KEYS`, that sealed it. */
  key_version: string | null;
  /** A question that began and whose answer never came. */
  asked_at: number | null;
  /** It couldn't be asked, and isn't to be before this. */
  retry_at: number | null;
  /** From when on the provider's no holds. */
  denied_at: number | null;
  /** Since when it wants the person to sign in again. */
  sign_in_wanted_at: number | null;
  /** When it last said which groups the person has; null: with its last answer. */
  groups_at: number | null;
}

export type SealedToken = { token_id: string; sealed: string; key_version: string };

const NOTHING: ProviderRow = {
  token_id: null,
  sealed: null,
  key_version: null,
  asked_at: null,
  retry_at: null,
  denied_at: null,
  sign_in_wanted_at: null,
  groups_at: null,
};
const COLUMNS = Object.keys(NOTHING) as (keyof ProviderRow)[];

/** The one row about the sign-in provider. A change may need a transaction, which is the caller's. */
export class ProviderStore {
  constructor(
    private readonly sql: SqlStorage,
    private readonly userId: () => string,
  ) {}

  row(): ProviderRow {
    const found = this.sql.exec(`SELECT ${COLUMNS.join(', ')} FROM provider_checks`).toArray()[0];
    return (found as ProviderRow | undefined) ?? NOTHING;
  }

  /** After a sign-in: all begins anew, with this token or without one. */
  begin(token: SealedToken | undefined): void {
    this.replace({ ...NOTHING, ...token });
  }

  /** Changes columns; false, and nothing is changed, when that token isn't here any more. */
  update(tokenId: string, columns: Partial<ProviderRow>): boolean {
    const row = this.row();
    if (row.token_id !== tokenId) return false;
    this.replace({ ...row, ...columns });
    return true;
  }

  /** The provider's no, from `at` on. The token is worth nothing any more. */
  deny(at: number): void {
    this.replace({ ...NOTHING, denied_at: at });
  }

  private replace(row: ProviderRow): void {
    const before = this.row().key_version;
    const places = COLUMNS.map(() => '?').join(', ');
    this.sql.exec(
      `INSERT OR REPLACE INTO provider_checks (id, ${COLUMNS.join(', ')}) VALUES (1, ${places})`,
      ...COLUMNS.map((column) => row[column]),
    );
    if (before !== row.key_version) noteKeyVersions(this.sql, this.userId());
  }
}

/** The name of the provider that said no to this account's person; undefined: none did. */
export function deniedBy(sql: SqlStorage, now: number): string | undefined {
  const query = 'SELECT provider FROM provider_checks, profile WHERE denied_at <= ?';
  return sql.exec<{ provider: string }>(query, now).toArray()[0]?.provider;
}

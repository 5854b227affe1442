import { noteKeyVersions } from '../storage/key-versions';

/** The row about the sign-in provider. Times are seconds since the epoch. */
export interface ProviderRow {
  /** Changes each time that a refresh token is stored. */
  token_id: string | null;
  /** The encrypted `ProviderToken`. */
  sealed: string | null;
  /** The version in `GATEHOUSE_KEYS` that encrypted it. */
  key_version: string | null;
  /** When a question was sent whose answer never came. */
  asked_at: number | null;
  /** It couldn't be asked, and must not be asked again before this time. */
  retry_at: number | null;
  /** When the provider's refusal takes effect. */
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

/** The one row about the sign-in provider. A caller that changes more than it begins a transaction. */
export class ProviderStore {
  constructor(
    private readonly sql: SqlStorage,
    private readonly userId: () => string,
  ) {}

  row(): ProviderRow {
    const found = this.sql.exec(`SELECT ${COLUMNS.join(', ')} FROM provider_checks`).toArray()[0];
    return (found as ProviderRow | undefined) ?? NOTHING;
  }

  /** Begins again after a sign-in, with this token or without one. */
  begin(token: SealedToken | undefined): void {
    this.replace({ ...NOTHING, ...token });
  }

  /** Changes columns. False, and nothing changed, when another token is stored by now. */
  update(tokenId: string, columns: Partial<ProviderRow>): boolean {
    const row = this.row();
    if (row.token_id !== tokenId) return false;
    this.replace({ ...row, ...columns });
    return true;
  }

  /** Stores the provider's refusal, which takes effect at `at`, and removes the token. */
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

/** The name of the provider that doesn't confirm this account's person any more; undefined: it does, or there is none. */
export function deniedBy(sql: SqlStorage, now: number): string | undefined {
  const query = 'SELECT provider FROM provider_checks, profile WHERE denied_at <= ?';
  return sql.exec<{ provider: string }>(query, now).toArray()[0]?.provider;
}

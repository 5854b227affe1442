/* The rows of a principal's grants (docs/storage.md). Times are seconds since the epoch. */

/** A grant's row: what one principal allowed one client. */
export interface GrantRow {
  id: string;
  client_id: string;
  client_name: string;
  client_domain: string | null;
  redirect_uri: string;
  resource: string;
  /** Separated by spaces. */
  scope: string;
  /** JSON array of names. */
  servers: string;
  created_at: number;
  /** The grant's end, whatever is refreshed. */
  expires_at: number;
  /** The end of its refresh token (before the first one: of its code), which slides. */
  refresh_expires_at: number;
  last_used_at: number | null;
  /** The access key with which the person had signed in; the grant dies with it. */
  key_id: string | null;
  /** The user id that its tokens begin with; null: the account's own. Another's: it was moved here. */
  issued_as: string | null;
  /** JSON of an `Identity`, where this grant is not the profile's person's. */
  identity: string | null;
}

/** A code's row. It stays when the code is redeemed, with the answer sealed under the code itself. */
export interface CodeRow {
  hash: string;
  grant_id: string;
  client_id: string;
  code_challenge: string;
  expires_at: number;
  redeemed_at: number | null;
  answer: string | null;
}

/** A refresh token that was rotated, with the answer it got, sealed under that very token. */
export interface RotationRow {
  hash: string;
  grant_id: string;
  /** SHA-256 of the refresh token that took its place. */
  successor: string;
  rotated_at: number;
  answer: string;
}

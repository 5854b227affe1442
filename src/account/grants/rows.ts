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
  /** The end of the grant. A refresh doesn't change it. */
  expires_at: number;
  /** The end of its refresh token, or of its code before the first one. Each refresh moves it. */
  refresh_expires_at: number;
  last_used_at: number | null;
  /** The access key with which the person had signed in. The grant ends with it. */
  key_id: string | null;
  /** The user id that its tokens begin with; null: the account's own. Another one: of a merged visitor. */
  issued_as: string | null;
  /** JSON of an `Identity`, if the grant acts as somebody else than the account's person. */
  identity: string | null;
}

/** A code's row. It stays when the code is redeemed, with the answer encrypted under the code itself. */
export interface CodeRow {
  hash: string;
  grant_id: string;
  client_id: string;
  code_challenge: string;
  expires_at: number;
  redeemed_at: number | null;
  answer: string | null;
}

/** A refresh token that was rotated, with the answer that it got, encrypted under that token itself. */
export interface RotationRow {
  hash: string;
  grant_id: string;
  /** SHA-256 of the refresh token that replaced it. */
  successor: string;
  rotated_at: number;
  answer: string;
}

/**
 * The tables of one principal's `Account` (docs/storage.md describes each). Times are seconds since the
 * epoch; secrets are stored as SHA-256 or encrypted.
 */
export const ACCOUNT_SCHEMA: readonly (readonly string[])[] = [
  [
    `CREATE TABLE profile (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      user_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      issuer TEXT NOT NULL,
      subject TEXT NOT NULL,
      name TEXT NOT NULL,
      email TEXT,
      email_verified INTEGER NOT NULL,
      groups TEXT NOT NULL,
      updated_at INTEGER NOT NULL
    )`,
    `CREATE TABLE records (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      metadata TEXT,
      expires_at INTEGER
    ) WITHOUT ROWID`,
    `CREATE TABLE grants (
      id TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      client_name TEXT NOT NULL,
      client_domain TEXT,
      redirect_uri TEXT NOT NULL,
      resource TEXT NOT NULL,
      scope TEXT NOT NULL,
      servers TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      refresh_expires_at INTEGER NOT NULL,
      last_used_at INTEGER
    ) WITHOUT ROWID`,
    `CREATE TABLE codes (
      hash TEXT PRIMARY KEY,
      grant_id TEXT NOT NULL,
      client_id TEXT NOT NULL,
      code_challenge TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      redeemed_at INTEGER,
      answer TEXT
    ) WITHOUT ROWID`,
    `CREATE TABLE rotations (
      hash TEXT PRIMARY KEY,
      grant_id TEXT NOT NULL,
      successor TEXT NOT NULL,
      rotated_at INTEGER NOT NULL,
      answer TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE sign_ins (
      id TEXT PRIMARY KEY,
      secret_hash TEXT NOT NULL,
      user_agent TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      last_used_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL,
      value TEXT,
      metadata TEXT,
      expires_at INTEGER
    )`,
    'CREATE INDEX codes_by_grant ON codes (grant_id)',
    'CREATE INDEX rotations_by_grant ON rotations (grant_id)',
  ],
  [
    `CREATE TABLE connections (
      server TEXT PRIMARY KEY,
      credential_id TEXT NOT NULL,
      auth TEXT NOT NULL,
      place TEXT NOT NULL,
      sealed TEXT NOT NULL,
      key_version TEXT NOT NULL,
      renewable INTEGER NOT NULL,
      status TEXT NOT NULL,
      reason TEXT,
      scope TEXT,
      expires_at INTEGER,
      connected_at INTEGER NOT NULL,
      renewed_at INTEGER NOT NULL,
      last_used_at INTEGER,
      refresh_began_at INTEGER,
      retry_at INTEGER,
      failures INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID`,
    `CREATE TABLE connecting (
      server TEXT PRIMARY KEY,
      until INTEGER NOT NULL
    ) WITHOUT ROWID`,
  ],
  [
    `CREATE TABLE access_keys (
      id TEXT PRIMARY KEY,
      secret_hash TEXT NOT NULL,
      name TEXT NOT NULL,
      scope TEXT NOT NULL,
      servers TEXT NOT NULL,
      tools TEXT,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      last_used_at INTEGER,
      revoked_at INTEGER
    ) WITHOUT ROWID`,
    'ALTER TABLE profile ADD COLUMN role TEXT',
    'ALTER TABLE sign_ins ADD COLUMN key_id TEXT',
    'ALTER TABLE grants ADD COLUMN key_id TEXT',
    'ALTER TABLE grants ADD COLUMN issued_as TEXT',
    `CREATE TABLE moved_to (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      user_id TEXT NOT NULL,
      moved_at INTEGER NOT NULL,
      handed_over INTEGER NOT NULL DEFAULT 0,
      ends_at INTEGER NOT NULL
    )`,
    `CREATE TABLE moved_from (
      user_id TEXT PRIMARY KEY,
      moved_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
  ],
  [
    'ALTER TABLE grants ADD COLUMN identity TEXT',
    `CREATE TABLE exchanges (
      hash TEXT PRIMARY KEY,
      grant_id TEXT NOT NULL,
      subject TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    'CREATE INDEX exchanges_by_subject ON exchanges (subject)',
  ],
  [
    `CREATE TABLE provider_checks (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      token_id TEXT,
      sealed TEXT,
      key_version TEXT,
      asked_at INTEGER,
      retry_at INTEGER,
      denied_at INTEGER
    )`,
  ],
  [
    'ALTER TABLE provider_checks ADD COLUMN sign_in_wanted_at INTEGER',
    'ALTER TABLE provider_checks ADD COLUMN groups_at INTEGER',
    'ALTER TABLE profile ADD COLUMN claims TEXT',
  ],
];

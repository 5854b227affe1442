/**
 * The tables of one principal's `Account` (docs/storage.md describes each). Times are seconds since the
 * epoch; everything that opens a door is a SHA-256 or sealed.
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
    'ALTER TABLE grants ADD COLUMN identity TEXT',
    `CREATE TABLE exchanges (
      hash TEXT PRIMARY KEY,
      grant_id TEXT NOT NULL,
      subject TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    'CREATE INDEX exchanges_by_subject ON exchanges (subject)',
  ],
];

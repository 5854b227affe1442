/** The tables of an `AuditLog` object (docs/storage.md). `time`: milliseconds since the epoch. */
export const AUDIT_SCHEMA: readonly (readonly string[])[] = [
  [
    `CREATE TABLE entries (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      time INTEGER NOT NULL,
      event TEXT NOT NULL,
      outcome TEXT NOT NULL,
      reason TEXT,
      detail TEXT,
      user TEXT,
      user_name TEXT,
      user_email TEXT,
      client TEXT,
      client_name TEXT,
      "grant" TEXT,
      server TEXT,
      tool TEXT,
      duration_ms INTEGER,
      request_id TEXT NOT NULL,
      ip TEXT
    )`,
    'CREATE INDEX entries_by_user ON entries (user, seq)',
    'CREATE INDEX entries_by_client ON entries (client, seq)',
    'CREATE INDEX entries_by_reason ON entries (reason, seq) WHERE reason IS NOT NULL',
  ],
];

/** The columns that an event fills, in the order of the table. */
export const COLUMNS = [
  'time',
  'event',
  'outcome',
  'reason',
  'detail',
  'user',
  'user_name',
  'user_email',
  'client',
  'client_name',
  'grant',
  'server',
  'tool',
  'duration_ms',
  'request_id',
  'ip',
] as const;

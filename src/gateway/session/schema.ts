/**
 * The tables of one `McpSession`, as migrations (docs/storage.md describes each table). Times are in ms since the
 * epoch. Messages of servers and their own session ids are sealed.
 */
export const SESSION_SCHEMA: readonly (readonly string[])[] = [
  [
    `CREATE TABLE session (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      user_id TEXT NOT NULL,
      client_id TEXT NOT NULL,
      initialize TEXT NOT NULL,
      principal TEXT NOT NULL,
      place TEXT NOT NULL,
      log_level TEXT,
      rights TEXT,
      used_at INTEGER NOT NULL
    )`,
    `CREATE TABLE greetings (
      server TEXT PRIMARY KEY,
      greeting TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE subscriptions (
      server TEXT NOT NULL,
      uri TEXT NOT NULL,
      PRIMARY KEY (server, uri)
    ) WITHOUT ROWID`,
    `CREATE TABLE heard (
      server TEXT PRIMARY KEY,
      event_id TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE events (
      seq INTEGER PRIMARY KEY,
      stream TEXT NOT NULL,
      message TEXT NOT NULL,
      at INTEGER NOT NULL
    )`,
    `CREATE TABLE sign_in (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      sealed TEXT NOT NULL
    )`,
    `CREATE TABLE elicitations (
      id TEXT PRIMARY KEY,
      server TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE calls (
      stream TEXT PRIMARY KEY,
      request_id TEXT NOT NULL
    ) WITHOUT ROWID`,
  ],
  ['ALTER TABLE subscriptions ADD COLUMN watched_as TEXT'],
  [
    'ALTER TABLE events ADD COLUMN audience TEXT',
    'ALTER TABLE calls ADD COLUMN audience TEXT',
    'ALTER TABLE subscriptions ADD COLUMN audience TEXT',
  ],
];

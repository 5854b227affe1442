/**
 * Migrates an object's SQLite database to the newest schema, forward only. `versions[n]` holds the statements that lead
 * from version n to n + 1; all missing ones run in one transaction. `table` holds the version. Throws when the database
 * is newer than this code.
 */
export function migrate(
  storage: DurableObjectStorage,
  versions: readonly (readonly string[])[],
  table = 'schema',
): void {
  storage.sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (version INTEGER NOT NULL)`);
  const current =
    storage.sql.exec<{ version: number }>(`SELECT version FROM ${table}`).toArray()[0]?.version ?? 0;
  if (current > versions.length) {
    throw new Error(`schema version ${current} is newer than this code, which knows ${versions.length}`);
  }
  if (current === versions.length) return;
  storage.transactionSync(() => {
    for (const statement of versions.slice(current).flat()) storage.sql.exec(statement);
    storage.sql.exec(`DELETE FROM ${table}`);
    storage.sql.exec(`INSERT INTO ${table} (version) VALUES (?)`, versions.length);
  });
}

/** Whether {@link migrate} has made an object's tables. Doesn't write. */
export function hasSchema(storage: DurableObjectStorage, table = 'schema'): boolean {
  const query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
  return storage.sql.exec(query, table).toArray().length > 0;
}

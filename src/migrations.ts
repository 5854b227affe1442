/**
 * Brings an object's SQLite to its newest schema, forwards only. `versions[n]` holds the statements that
 * lead from version n to n + 1; all that are missing run in one transaction.
 */
export function migrate(storage: DurableObjectStorage, versions: readonly (readonly string[])[]): void {
  storage.sql.exec('CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL)');
  const current =
    storage.sql.exec<{ version: number }>('SELECT version FROM schema').toArray()[0]?.version ?? 0;
  if (current > versions.length) {
    throw new Error(`schema version ${current} is newer than this code, which knows ${versions.length}`);
  }
  if (current === versions.length) return;
  storage.transactionSync(() => {
    for (const statement of versions.slice(current).flat()) storage.sql.exec(statement);
    storage.sql.exec('DELETE FROM schema');
    storage.sql.exec('INSERT INTO schema (version) VALUES (?)', versions.length);
  });
}

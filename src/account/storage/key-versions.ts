/** The prefix of the keys of an index in `OAUTH_KV`; the user id follows. */
export const CONNECTIONS_INDEX = 'connections:';

/**
 * Puts into the index which master keys an account's secrets are encrypted with. The cron that encrypts them again finds
 * the accounts by it. Runs in the transaction of the change.
 */
export function noteKeyVersions(sql: SqlStorage, userId: string): void {
  const versions = sql
    .exec<{ key_version: string }>(
      `SELECT key_version FROM connections UNION
       SELECT key_version FROM provider_checks WHERE key_version IS NOT NULL ORDER BY key_version`,
    )
    .toArray()
    .map(({ key_version }) => key_version);
  const columns = versions.length > 0 ? ['1', JSON.stringify({ key_versions: versions })] : [null, null];
  const insert = 'INSERT INTO outbox (key, value, metadata) VALUES (?, ?, ?)';
  sql.exec(insert, `${CONNECTIONS_INDEX}${userId}`, ...columns);
}

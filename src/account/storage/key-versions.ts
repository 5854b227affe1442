/** What the keys of the index in `OAUTH_KV` begin with; the rest is the user id. */
export const CONNECTIONS_INDEX = 'connections:';

/**
 * Notes by which master keys an account's secrets are sealed: for the cron that re-wraps, which can't ask every
 * object. Goes into the transaction of the change.
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

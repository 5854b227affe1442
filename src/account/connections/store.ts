import { noteKeyVersions } from '../storage/key-versions';
import { type Connection, connectionOf, type UpstreamCredential } from './credential';

/** A connection's row. Times are seconds since the epoch; `sealed` is the {@link UpstreamCredential}. */
export interface ConnectionRow {
  server: string;
  /** Changes each time that a credential is stored. */
  credential_id: string;
  auth: UpstreamCredential['auth'];
  place: string;
  sealed: string;
  /** The version in `GATEHOUSE_KEYS` that encrypted it. */
  key_version: string;
  renewable: number;
  status: Connection['status'];
  reason: string | null;
  scope: string | null;
  expires_at: number | null;
  connected_at: number;
  renewed_at: number;
  last_used_at: number | null;
  /** When a renewal began whose answer never came. */
  refresh_began_at: number | null;
  retry_at: number | null;
  failures: number;
}

/** A connection and its status. */
export interface ConnectionStanding {
  server: string;
  status: Connection['status'];
  connection: string;
}

/** The columns that a new credential sets. The others get their defaults. */
export type StoredCredential = Pick<
  ConnectionRow,
  | 'server'
  | 'credential_id'
  | 'auth'
  | 'place'
  | 'sealed'
  | 'key_version'
  | 'renewable'
  | 'scope'
  | 'expires_at'
>;

/** The rows of a principal's connections. Changes for the index in KV go into the outbox in the same transaction. */
export class ConnectionStore {
  private readonly sql: SqlStorage;

  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly userId: () => string,
  ) {
    this.sql = storage.sql;
  }

  find(server: string): ConnectionRow | undefined {
    return this.sql.exec('SELECT * FROM connections WHERE server = ?', server).toArray()[0] as
      | ConnectionRow
      | undefined;
  }

  list(): ConnectionRow[] {
    return this.sql.exec('SELECT * FROM connections ORDER BY server').toArray() as unknown as ConnectionRow[];
  }

  /** All connections with their status. A renewal changes nothing of it. */
  standings(): ConnectionStanding[] {
    return this.list().map(({ server, status, credential_id }) => {
      return { server, status, connection: connectionOf(credential_id) };
    });
  }

  /** Stores new connections, all or none. They replace those that these servers had. */
  connect(credentials: StoredCredential[], now: number): void {
    this.storage.transactionSync(() => {
      for (const credential of credentials) {
        this.sql.exec('DELETE FROM connections WHERE server = ?', credential.server);
        this.sql.exec('DELETE FROM connecting WHERE server = ?', credential.server);
        this.insert({ ...credential, status: 'connected', connected_at: now, renewed_at: now });
      }
      noteKeyVersions(this.sql, this.userId());
    });
  }

  /** Stores a renewed credential. False, and nothing stored, when the old one isn't there any more. */
  renew(row: ConnectionRow, next: StoredCredential, now: number): boolean {
    return this.storage.transactionSync(() => {
      const gone = this.sql.exec(
        'DELETE FROM connections WHERE server = ? AND credential_id = ?',
        row.server,
        row.credential_id,
      );
      if (gone.rowsWritten === 0) return false;
      const { connected_at, last_used_at } = row;
      this.insert({ ...next, status: 'connected', connected_at, renewed_at: now, last_used_at });
      noteKeyVersions(this.sql, this.userId());
      return true;
    });
  }

  /** Stores the same credential, encrypted by another master key. */
  rewrap(row: ConnectionRow, sealed: string, keyVersion: string): void {
    this.storage.transactionSync(() => {
      this.sql.exec(
        'UPDATE connections SET sealed = ?, key_version = ? WHERE server = ? AND credential_id = ?',
        sealed,
        keyVersion,
        row.server,
        row.credential_id,
      );
      noteKeyVersions(this.sql, this.userId());
    });
  }

  /** Changes columns of a row. False, and nothing changed, when it holds another credential by now. */
  update(row: ConnectionRow, columns: Partial<ConnectionRow>): boolean {
    const names = Object.keys(columns);
    const set = names.map((name) => `${name} = ?`).join(', ');
    const query = `UPDATE connections SET ${set} WHERE server = ? AND credential_id = ?`;
    const values = [...Object.values(columns), row.server, row.credential_id];
    return this.sql.exec(query, ...values).rowsWritten > 0;
  }

  remove(server: string): void {
    this.storage.transactionSync(() => {
      this.sql.exec('DELETE FROM connections WHERE server = ?', server);
      this.sql.exec('DELETE FROM connecting WHERE server = ?', server);
      noteKeyVersions(this.sql, this.userId());
    });
  }

  /** Removes everything. The caller has begun a transaction. */
  clear(): void {
    this.sql.exec('DELETE FROM connections');
    this.sql.exec('DELETE FROM connecting');
    noteKeyVersions(this.sql, this.userId());
  }

  /** Stores that the person is at the provider of a server, until `until`. */
  begin(server: string, until: number): void {
    this.sql.exec('INSERT OR REPLACE INTO connecting (server, until) VALUES (?, ?)', server, until);
  }

  /** The servers at whose provider the person is now. */
  pending(now: number): string[] {
    this.sql.exec('DELETE FROM connecting WHERE until <= ?', now);
    return this.sql
      .exec<{ server: string }>('SELECT server FROM connecting ORDER BY server')
      .toArray()
      .map(({ server }) => server);
  }

  private insert(columns: Partial<ConnectionRow>): void {
    const names = Object.keys(columns);
    const places = names.map(() => '?').join(', ');
    const query = `INSERT INTO connections (${names.join(', ')}) VALUES (${places})`;
    this.sql.exec(query, ...Object.values(columns));
  }
}

import type { Source } from '../limits';

/** How many entries a pool holds: of one source, and of all together. */
export interface Bounds {
  perSource: number;
  inAll: number;
}

/** An entry that waits for a person. `expiresAt`: seconds since the epoch. `data`: sealed by the caller. */
export interface Entry {
  id: string;
  from: Source;
  expiresAt: number;
  data?: string;
}

/** An entry that was dropped because the pool or its source's share was full. No entry with that id is left. */
export interface Dropped {
  id: string;
  data: string | null;
}

/** Tables of an object that counts for everybody (docs/storage.md). A source and a network are keyed hashes. */
export const POOL_SCHEMA: readonly (readonly string[])[] = [
  [
    `CREATE TABLE entries (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      source TEXT NOT NULL,
      network TEXT NOT NULL,
      data TEXT,
      expires_at INTEGER NOT NULL,
      kept INTEGER NOT NULL DEFAULT 0,
      UNIQUE (id, source)
    )`,
    'CREATE INDEX entries_by_source ON entries (network, source, kept, seq)',
    'CREATE INDEX entries_by_end ON entries (expires_at)',
    'CREATE INDEX entries_by_network ON entries (network, seq)',
    // How many entries there are of each source, of each network (`source` is ''), and in all (both are ''), so that a
    // full pool finds the largest without counting.
    `CREATE TABLE weights (
      network TEXT NOT NULL,
      source TEXT NOT NULL,
      n INTEGER NOT NULL,
      PRIMARY KEY (network, source)
    ) WITHOUT ROWID`,
    "CREATE INDEX weights_of_networks ON weights (n) WHERE source = '' AND network <> ''",
    'CREATE INDEX weights_of_sources ON weights (network, n)',
    `CREATE TRIGGER entries_weigh AFTER INSERT ON entries BEGIN
      INSERT INTO weights VALUES (NEW.network, NEW.source, 1), (NEW.network, '', 1), ('', '', 1)
        ON CONFLICT (network, source) DO UPDATE SET n = n + 1;
    END`,
    `CREATE TRIGGER entries_lighten AFTER DELETE ON entries BEGIN
      UPDATE weights SET n = n - 1 WHERE network = OLD.network AND source IN (OLD.source, '');
      UPDATE weights SET n = n - 1 WHERE network = '' AND source = '';
      DELETE FROM weights WHERE network = OLD.network AND source IN (OLD.source, '') AND n <= 0;
    END`,
    `CREATE TABLE wrong_codes (
      seq INTEGER PRIMARY KEY,
      budget TEXT NOT NULL,
      user_id TEXT NOT NULL,
      source TEXT NOT NULL,
      network TEXT NOT NULL,
      at INTEGER NOT NULL
    )`,
    'CREATE INDEX wrong_codes_by_budget ON wrong_codes (budget, at)',
    'CREATE INDEX wrong_codes_by_time ON wrong_codes (at)',
  ],
];

const ROW = 'SELECT seq, id, data FROM entries';
interface Row {
  seq: number;
  id: string;
  data: string | null;
}

/**
 * Entries that wait for people, with bounds. A source that exceeds its share loses its own oldest entry. When the pool
 * is full, the source with the most entries, in the network with the most entries, loses its oldest, so that a source
 * with few entries isn't affected by one with many. All methods are synchronous, so the bounds hold for any number of
 * concurrent calls.
 */
export class Pool {
  constructor(private readonly sql: SqlStorage) {}

  /**
   * Adds an entry, and returns the entries that were dropped for it. Undefined, and nothing is added, when all entries
   * of the source are {@link keep kept}. An entry that this source already has stays as it is.
   */
  enter({ id, from, expiresAt, data }: Entry, bounds: Bounds, now: number): Dropped[] | undefined {
    this.purge(now);
    const { source, network } = from;
    const same = 'SELECT COUNT(*) AS n FROM entries WHERE id = ? AND source = ?';
    if (this.count(same, id, source) > 0) return [];
    const insert = 'INSERT INTO entries (id, source, network, data, expires_at) VALUES (?, ?, ?, ?, ?)';
    this.sql.exec(insert, id, source, network, data ?? null, expiresAt);
    const dropped: Dropped[] = [];
    const own = 'SELECT n FROM weights WHERE network = ? AND source = ?';
    if (this.count(own, network, source) > bounds.perSource) {
      const oldest = this.oldest(from, 'AND kept = 0');
      if (!oldest || oldest.id === id) {
        this.sql.exec('DELETE FROM entries WHERE id = ? AND source = ?', id, source);
        return undefined;
      }
      dropped.push(...this.drop(oldest));
    }
    if (this.count(own, '', '') > bounds.inAll) {
      const oldest = this.oldestOfLargest();
      if (oldest) dropped.push(...this.drop(oldest));
    }
    return dropped;
  }

  /** The data of an entry; undefined when there is no such entry, or it has expired. */
  find(id: string, now: number): string | undefined {
    const query = 'SELECT data FROM entries WHERE id = ? AND expires_at > ?';
    return this.first<{ data: string | null }>(query, id, now)?.data ?? undefined;
  }

  has(id: string, now: number): boolean {
    return this.count('SELECT COUNT(*) AS n FROM entries WHERE id = ? AND expires_at > ?', id, now) > 0;
  }

  /** Keeps an entry until `expiresAt`: it is no longer dropped in favor of others of its source. */
  keep(id: string, expiresAt: number): void {
    this.sql.exec('UPDATE entries SET kept = 1, expires_at = MAX(expires_at, ?) WHERE id = ?', expiresAt, id);
  }

  /** Removes an entry that no longer waits. */
  leave(id: string): void {
    this.sql.exec('DELETE FROM entries WHERE id = ?', id);
  }

  purge(now: number): void {
    this.sql.exec('DELETE FROM entries WHERE expires_at <= ?', now);
  }

  /** When {@link purge} next has something to do; undefined when nothing is kept. */
  nextEnd(): number | undefined {
    const row = this.sql.exec('SELECT MIN(expires_at) AS at FROM entries').one() as { at: number | null };
    return row.at ?? undefined;
  }

  /** The oldest entry of the source with the most entries, in the network with the most; of all, where none has two. */
  private oldestOfLargest(): Row | undefined {
    const network = this.first<{ network: string; n: number }>(
      "SELECT network, n FROM weights WHERE source = '' AND network <> '' ORDER BY n DESC LIMIT 1",
    );
    if (network === undefined || network.n === 1) return this.first(`${ROW} ORDER BY seq LIMIT 1`);
    const source = this.first<{ source: string; n: number }>(
      "SELECT source, n FROM weights WHERE network = ? AND source <> '' ORDER BY n DESC LIMIT 1",
      network.network,
    );
    if (source === undefined || source.n === 1) {
      return this.first(`${ROW} WHERE network = ? ORDER BY seq LIMIT 1`, network.network);
    }
    return this.oldest({ ...network, ...source }, '');
  }

  /** A source's oldest entry that fits a condition; entries that aren't kept come first. */
  private oldest({ source, network }: Source, condition: string): Row | undefined {
    const query = `${ROW} WHERE network = ? AND source = ? ${condition} ORDER BY kept, seq LIMIT 1`;
    return this.first(query, network, source);
  }

  /** Drops the entry of one source. Returns nothing while another source has an entry with the same id. */
  private drop({ seq, id, data }: Row): Dropped[] {
    this.sql.exec('DELETE FROM entries WHERE seq = ?', seq);
    return this.count('SELECT COUNT(*) AS n FROM entries WHERE id = ?', id) > 0 ? [] : [{ id, data }];
  }

  private first<T extends object = Row>(query: string, ...values: SqlStorageValue[]): T | undefined {
    return this.sql.exec(query, ...values).toArray()[0] as T | undefined;
  }

  private count(query: string, ...values: SqlStorageValue[]): number {
    return this.first<{ n: number }>(query, ...values)?.n ?? 0;
  }
}

import type { Source } from '../limits';

/** How many entries a pool holds: from one source, and in all. */
export interface Bounds {
  perSource: number;
  inAll: number;
}

/** An entry that waits for somebody. `expiresAt`: seconds since the epoch; `data`: the caller's, sealed. */
export interface Entry {
  id: string;
  from: Source;
  expiresAt: number;
  data?: string;
}

/** What was dropped to make room: no entry of that id is left. */
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
    // How many entries each source has, each network (`source` is then ''), and all together (both are ''): a full pool
    // must find the heaviest at once, however many there are.
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
 * What waits for people, of every source, bounded. A source that has more than its share loses its own oldest
 * entry. When the pool is full, the source that has the most loses its oldest, in the network that has the most, so
 * that a light one never pays for a heavy one. Nothing waits between reading and writing: however many enter at
 * once, the bounds hold.
 */
export class Pool {
  constructor(private readonly sql: SqlStorage) {}

  /**
   * Enters, and returns what had to go for it. Undefined, and nothing entered, when all that the source has is
   * {@link keep kept}. An entry that is there already from this source stays as it is.
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
      const oldest = this.oldestOfHeaviest();
      if (oldest) dropped.push(...this.drop(oldest));
    }
    return dropped;
  }

  /** The data of an entry that is there. */
  find(id: string, now: number): string | undefined {
    const query = 'SELECT data FROM entries WHERE id = ? AND expires_at > ?';
    return this.first<{ data: string | null }>(query, id, now)?.data ?? undefined;
  }

  has(id: string, now: number): boolean {
    return this.count('SELECT COUNT(*) AS n FROM entries WHERE id = ? AND expires_at > ?', id, now) > 0;
  }

  /** Something lasting came of the entry: it no longer makes room for others of its source. */
  keep(id: string, expiresAt: number): void {
    this.sql.exec('UPDATE entries SET kept = 1, expires_at = MAX(expires_at, ?) WHERE id = ?', expiresAt, id);
  }

  /** Nobody waits for it any more. */
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

  /** The oldest entry of the source that has the most, in the network that has the most; where all are light, of all. */
  private oldestOfHeaviest(): Row | undefined {
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

  /** A source's oldest entry, of those that may go first. */
  private oldest({ source, network }: Source, condition: string): Row | undefined {
    const query = `${ROW} WHERE network = ? AND source = ? ${condition} ORDER BY kept, seq LIMIT 1`;
    return this.first(query, network, source);
  }

  /** Drops one source's entry; nothing has gone while another source has entered the same. */
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

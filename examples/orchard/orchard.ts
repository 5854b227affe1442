import { DurableObject } from 'cloudflare:workers';
import type { Kind } from './growth';

export interface Tree {
  id: number;
  kind: Kind;
  /** Milliseconds since the epoch. */
  planted_at: number;
}

/** The most trees in one orchard. */
const MOST_TREES = 100;

/** One account's trees. */
export class Orchard extends DurableObject {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env as Env);
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS trees (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, planted_at INTEGER NOT NULL)',
    );
  }

  /** All trees, the oldest first. */
  trees(): Tree[] {
    return this.ctx.storage.sql.exec('SELECT * FROM trees ORDER BY id').toArray() as unknown as Tree[];
  }

  /** Plants a tree and returns its number; undefined when the orchard is full. */
  plant(kind: Kind): number | undefined {
    if (this.trees().length >= MOST_TREES) return undefined;
    const query = 'INSERT INTO trees (kind, planted_at) VALUES (?, ?) RETURNING id';
    return Number(this.ctx.storage.sql.exec(query, kind, Date.now()).one().id);
  }

  /** Cuts down a tree; false when there is none with that number. */
  fell(id: number): boolean {
    return this.ctx.storage.sql.exec('DELETE FROM trees WHERE id = ?', id).rowsWritten > 0;
  }
}

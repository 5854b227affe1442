import { DurableObject } from 'cloudflare:workers';

export interface Note {
  id: number;
  title: string;
  text: string;
}

/** One user's notes. */
export class Notebook extends DurableObject {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env as Env);
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL)',
    );
  }

  list(search = ''): Note[] {
    const query =
      'SELECT * FROM notes WHERE instr(lower(title || text), lower(?)) ORDER BY id DESC LIMIT 100';
    return this.ctx.storage.sql.exec(query, search).toArray() as unknown as Note[];
  }

  read(id: number): Note | undefined {
    return this.ctx.storage.sql.exec('SELECT * FROM notes WHERE id = ?', id).toArray()[0] as Note | undefined;
  }

  write(title: string, text: string): number {
    const query = 'INSERT INTO notes (title, text) VALUES (?, ?) RETURNING id';
    return Number(this.ctx.storage.sql.exec(query, title, text).one().id);
  }

  remove(id: number): boolean {
    return this.ctx.storage.sql.exec('DELETE FROM notes WHERE id = ?', id).rowsWritten > 0;
  }
}

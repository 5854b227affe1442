import { DurableObject } from 'cloudflare:workers';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { notesServer } from './server';

export interface Note {
  id: number;
  title: string;
  text: string;
}

/**
 * One user's notes. The MCP server runs in this object, too, so that all its listeners are notified of every change.
 */
export class Notebook extends DurableObject {
  #owner = '';
  readonly #handler = createMcpHandler(() => notesServer(this, this.#owner));

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env as Env);
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL)',
    );
  }

  /** Answers an MCP request from the owner of these notes. */
  serve(request: Request, owner: string): Promise<Response> {
    this.#owner = owner;
    return this.#handler.fetch(request);
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
    const id = Number(this.ctx.storage.sql.exec(query, title, text).one().id);
    this.#handler.notify.resourcesChanged();
    return id;
  }

  remove(id: number): boolean {
    const removed = this.ctx.storage.sql.exec('DELETE FROM notes WHERE id = ?', id).rowsWritten > 0;
    if (removed) this.#handler.notify.resourcesChanged();
    return removed;
  }
}

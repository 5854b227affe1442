import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Note, Notebook } from './notebook';

/** The MCP server of one user's notes. */
export function notesServer(book: Notebook, owner: string): McpServer {
  const capabilities = { resources: { listChanged: true } };
  const info = { name: 'notes', title: `Notes of ${owner}`, version: '1.0.0' };
  const server = new McpServer(info, { capabilities });
  addReading(server, book);
  addWriting(server, book);
  server.registerResource(
    'note',
    new ResourceTemplate('note://{id}', {
      list: async () => ({
        resources: book.list().map(({ id, title }) => ({ uri: `note://${id}`, name: title })),
      }),
    }),
    { title: 'A note', mimeType: 'text/plain' },
    async (uri, { id }) => ({ contents: [{ uri: uri.href, text: show(book.read(Number(id))) }] }),
  );
  return server;
}

function addReading(server: McpServer, book: Notebook): void {
  server.registerTool(
    'find_notes',
    {
      title: 'Find notes',
      description: 'Finds your notes that contain a text, newest first. Without a text, lists all of them.',
      inputSchema: z.object({ text: z.string().optional() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ text }) => {
      const notes = book.list(text ?? '');
      return say(
        notes.length === 0 ? 'No notes found.' : notes.map(({ id, title }) => `${id}: ${title}`).join('\n'),
      );
    },
  );
  server.registerTool(
    'read_note',
    {
      title: 'Read a note',
      description: 'Returns one of your notes, by its number.',
      inputSchema: z.object({ id: z.int() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ id }) => say(show(book.read(id))),
  );
}

function addWriting(server: McpServer, book: Notebook): void {
  server.registerTool(
    'write_note',
    {
      title: 'Write a note',
      description: 'Adds a note and returns its number.',
      inputSchema: z.object({ title: z.string().min(1).max(100), text: z.string().max(10_000) }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ title, text }) => {
      const id = book.write(title, text);
      return say(`Note ${id} has been added.`);
    },
  );
  server.registerTool(
    'delete_note',
    {
      title: 'Delete a note',
      description: 'Permanently deletes one of your notes, by its number.',
      inputSchema: z.object({ id: z.int() }),
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    async ({ id }) => {
      const removed = book.remove(id);
      return say(removed ? `Note ${id} has been deleted.` : `There is no note ${id}.`);
    },
  );
}

function show(note: Note | undefined): string {
  return note ? `${note.title}\n\n${note.text}` : 'There is no note with that number.';
}

function say(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

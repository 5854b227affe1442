import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { createMcpHandler } from 'agents/mcp/server';
import { z } from 'zod';
import { type Caller, type Gate, readCaller } from './caller';
import type { Note, Notebook } from './notebook';

export { Notebook } from './notebook';

/*
 * Notes that each user has for themselves. The server has no sign-in of its own: who is calling it learns from
 * the gate's identity token, and everything else follows from that.
 */

interface NotesEnv {
  GATE: Gate;
  NOTEBOOK: DurableObjectNamespace<Notebook>;
}

type Book = DurableObjectStub<Notebook>;

export default {
  async fetch(request, env, ctx) {
    const caller = await readCaller(request, env.GATE, 'notes');
    if (!caller) return Response.json({ error: 'invalid_token' }, { status: 401 });
    const book = env.NOTEBOOK.getByName(caller.id);
    const handler = createMcpHandler(() => notesServer(caller, book));
    return handler(request, env, ctx);
  },
} satisfies ExportedHandler<NotesEnv>;

function notesServer(caller: Caller, book: Book): McpServer {
  const server = new McpServer({ name: 'notes', title: `Notes of ${caller.name}`, version: '1.0.0' });
  addReading(server, book);
  addWriting(server, book);
  server.registerResource(
    'note',
    new ResourceTemplate('note://{id}', {
      list: async () => ({
        resources: (await book.list()).map(({ id, title }) => ({ uri: `note://${id}`, name: title })),
      }),
    }),
    { title: 'A note', mimeType: 'text/plain' },
    async (uri, { id }) => ({ contents: [{ uri: uri.href, text: show(await book.read(Number(id))) }] }),
  );
  return server;
}

function addReading(server: McpServer, book: Book): void {
  server.registerTool(
    'find_notes',
    {
      title: 'Find notes',
      description: 'Your notes that contain some text, the newest first; all of them without one.',
      inputSchema: z.object({ text: z.string().optional() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ text }) => {
      const notes = await book.list(text ?? '');
      return say(
        notes.length === 0 ? 'There are none.' : notes.map(({ id, title }) => `${id}: ${title}`).join('\n'),
      );
    },
  );
  server.registerTool(
    'read_note',
    {
      title: 'Read a note',
      description: 'One of your notes, by its number.',
      inputSchema: z.object({ id: z.int() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ id }) => say(show(await book.read(id))),
  );
}

function addWriting(server: McpServer, book: Book): void {
  server.registerTool(
    'write_note',
    {
      title: 'Write a note',
      description: 'Adds a note and says its number.',
      inputSchema: z.object({ title: z.string().min(1).max(100), text: z.string().max(10_000) }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ title, text }) => {
      const id = await book.write(title, text);
      server.sendResourceListChanged();
      return say(`Note ${id} is written.`);
    },
  );
  server.registerTool(
    'delete_note',
    {
      title: 'Delete a note',
      description: 'Deletes one of your notes, by its number, for good.',
      inputSchema: z.object({ id: z.int() }),
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    async ({ id }) => {
      const removed = await book.remove(id);
      if (removed) server.sendResourceListChanged();
      return say(removed ? `Note ${id} is deleted.` : `There is no note ${id}.`);
    },
  );
}

function show(note: Note | undefined): string {
  return note ? `${note.title}\n\n${note.text}` : 'There is no such note.';
}

function say(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

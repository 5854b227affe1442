import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { KINDS, stageOf } from './growth';
import type { Orchard } from './orchard';

type OrchardStub = DurableObjectStub<Orchard>;

/** The MCP server of one account's orchard. */
export function orchardServer(orchard: OrchardStub, owner: string): McpServer {
  const server = new McpServer({ name: 'orchard', title: `Orchard of ${owner}`, version: '1.0.0' });
  addReading(server, orchard, owner);
  addWriting(server, orchard);
  return server;
}

function addReading(server: McpServer, orchard: OrchardStub, owner: string): void {
  const annotations = { readOnlyHint: true, openWorldHint: false };
  server.registerTool(
    'whose_orchard',
    {
      title: 'Whose orchard is it?',
      description: 'Returns the account whose orchard this is, and how many trees it has.',
      inputSchema: z.object({}),
      outputSchema: z.object({ account: z.string(), trees: z.int() }),
      annotations,
    },
    async () => {
      const trees = (await orchard.trees()).length;
      const text = `This is the orchard of ${owner}, with ${trees === 1 ? 'one tree' : `${trees} trees`}.`;
      return { ...say(text), structuredContent: { account: owner, trees } };
    },
  );
  server.registerTool(
    'look_around',
    {
      title: 'Look around',
      description: 'Lists your trees by number, with the stage of each.',
      inputSchema: z.object({}),
      annotations,
    },
    async () => {
      const lines = (await orchard.trees()).map(
        ({ id, kind, planted_at }) => `${id}: ${kind}, ${stageOf(planted_at, Date.now())}`,
      );
      return say(lines.length === 0 ? 'There are no trees yet.' : lines.join('\n'));
    },
  );
}

function addWriting(server: McpServer, orchard: OrchardStub): void {
  server.registerTool(
    'plant_tree',
    {
      title: 'Plant a tree',
      description: 'Plants a tree in your orchard and returns its number.',
      inputSchema: z.object({ kind: z.enum(KINDS) }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ kind }) => {
      const id = await orchard.plant(kind);
      if (id === undefined) return { ...say('The orchard is full.'), isError: true };
      return say(`Tree ${id} has been planted: ${kind}.`);
    },
  );
  server.registerTool(
    'fell_tree',
    {
      title: 'Cut down a tree',
      description: 'Permanently removes one of your trees, by its number.',
      inputSchema: z.object({ id: z.int() }),
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    async ({ id }) => {
      const felled = await orchard.fell(id);
      return say(felled ? `Tree ${id} has been cut down.` : `There is no tree ${id}.`);
    },
  );
}

function say(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

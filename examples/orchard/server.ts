import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { KINDS, stageOf } from './growth';
import type { Orchard } from './orchard';

type OrchardStub = DurableObjectStub<Orchard>;

/** The MCP server of one account's orchard. */
export function orchardServer(orchard: OrchardStub, owner: string): McpServer {
  const server = new McpServer({ name: 'orchard', title: `Orchard of ${owner}`, version: '1.0.0' });
  addLooking(server, orchard, owner);
  addWork(server, orchard);
  return server;
}

function addLooking(server: McpServer, orchard: OrchardStub, owner: string): void {
  const annotations = { readOnlyHint: true, openWorldHint: false };
  server.registerTool(
    'whose_orchard',
    {
      title: 'Whose orchard is it?',
      description: 'The account that is used here, and how many trees it has.',
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
      description: 'Your trees, by number, and how each of them stands.',
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

function addWork(server: McpServer, orchard: OrchardStub): void {
  server.registerTool(
    'plant_tree',
    {
      title: 'Plant a tree',
      description: 'Plants a tree in your orchard and says its number.',
      inputSchema: z.object({ kind: z.enum(KINDS) }),
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ kind }) => {
      const id = await orchard.plant(kind);
      if (id === undefined) return { ...say('There is no room for another tree.'), isError: true };
      return say(`Tree ${id} is planted: ${kind}.`);
    },
  );
  server.registerTool(
    'fell_tree',
    {
      title: 'Fell a tree',
      description: 'Fells one of your trees, by its number, for good.',
      inputSchema: z.object({ id: z.int() }),
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    async ({ id }) => {
      const felled = await orchard.fell(id);
      return say(felled ? `Tree ${id} is felled.` : `There is no tree ${id}.`);
    },
  );
}

function say(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

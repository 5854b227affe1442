import { WorkerEntrypoint } from 'cloudflare:workers';
import { McpServer } from '@modelcontextprotocol/server';
import { createMcpHandler } from 'agents/mcp/server';
import { z } from 'zod';

/*
 * A server that needs no user, inside the gate's own Worker. The gate calls it as an entrypoint, so it can be reached
 * only through the gate. The caller would be in `this.ctx.props`.
 */

const timeZone = z.string().refine(isTimeZone, { error: 'must be a time zone, such as Europe/Berlin' });

function clockServer(): McpServer {
  const server = new McpServer({ name: 'clock', title: 'Clock', version: '1.0.0' });
  server.registerTool(
    'time_now',
    {
      title: 'What time is it?',
      description: 'The date and time now, in a time zone.',
      inputSchema: z.object({ time_zone: timeZone.default('UTC') }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ time_zone }) => ({ content: [{ type: 'text', text: describe(new Date(), time_zone) }] }),
  );
  server.registerTool(
    'time_in',
    {
      title: 'What time is that somewhere else?',
      description: 'A moment (RFC 3339, such as 2027-01-31T09:00:00Z) in a time zone.',
      inputSchema: z.object({ moment: z.iso.datetime({ offset: true }), time_zone: timeZone }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ moment, time_zone }) => ({
      content: [{ type: 'text', text: describe(new Date(moment), time_zone) }],
    }),
  );
  return server;
}

const handler = createMcpHandler(clockServer);

export class Clock extends WorkerEntrypoint {
  override fetch(request: Request): Promise<Response> {
    return handler(request, this.env, this.ctx);
  }
}

function describe(moment: Date, zone: string): string {
  const format = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'long', timeZone: zone });
  return `${format.format(moment)} (${moment.toISOString()})`;
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

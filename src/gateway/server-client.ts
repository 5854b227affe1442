import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Context } from 'hono';
import { record } from '../audit';
import type { ServerSetting } from '../config';
import { siteOf } from '../site';
import { catalogueKey, catalogueOf, readTools, type Tools } from './catalogue';
import type { Principal } from './principal';
import { authenticateToServer, callServer } from './upstream';

/** How long a list waits for one server among several, in ms. */
const DEADLINE = 2_500;

/**
 * A server's tools, as it lists them to this principal, from what is known or by asking; undefined when it
 * doesn't tell in time, which is recorded.
 */
export async function listServerTools(
  c: Context,
  server: ServerSetting,
  principal: Principal,
): Promise<Tools | undefined> {
  const key = catalogueKey(server.name, principal);
  const ask = () => {
    const list = async (client: Client) => {
      const { tools } = await client.listTools();
      return { byName: new Map(tools.map((tool) => [tool.name, tool])), ttlMs: undefined };
    };
    const asked = withClient(c, server, principal, list, server.max_list_bytes);
    // Other requests may wait for the same answer: it comes, or fails in time, though this one has ended.
    const tools = inTime(asked);
    c.executionCtx.waitUntil(tools.catch(() => undefined));
    return tools;
  };
  try {
    return await inTime(readTools(catalogueOf(c.env), key, ask));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const user = principal.user.id;
    record(c, { event: 'tools_listed', outcome: 'failed', server: server.name, user, detail });
    return undefined;
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it took too long')), DEADLINE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/**
 * Uses a server as a client of it would, in whichever era it speaks; the connection ends with the use.
 * `maxBytes`: the longest answer that is read.
 */
export async function withClient<T>(
  c: Context,
  server: ServerSetting,
  principal: Principal,
  use: (client: Client) => Promise<T>,
  maxBytes?: number,
): Promise<T> {
  const client = new Client(
    { name: 'gatehouse', version: '0.1.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  const transport = new StreamableHTTPClientTransport(new URL(`https://${server.name}/mcp`), {
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers);
      await authenticateToServer(siteOf(c), server, principal, headers);
      const body = typeof init?.body === 'string' ? new TextEncoder().encode(init.body) : undefined;
      const signal = init?.signal ?? c.req.raw.signal;
      const method = init?.method ?? 'GET';
      const answer = await callServer(c, server, principal, { method, headers, body, signal });
      if (typeof answer === 'string') throw new Error(answer);
      return maxBytes === undefined ? answer : limited(answer, maxBytes);
    },
  });
  try {
    await client.connect(transport);
    return await use(client);
  } finally {
    await transport.terminateSession().catch(() => undefined);
    await client.close();
  }
}

function limited(answer: Response, maxBytes: number): Response {
  let length = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      length += chunk.length;
      if (length > maxBytes) throw new Error('the answer is too large');
      controller.enqueue(chunk);
    },
  });
  return new Response(answer.body?.pipeThrough(limit) ?? null, answer);
}

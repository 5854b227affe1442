import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Context } from 'hono';
import { callServer } from './call';
import type { ConnectedServer } from './connected-server';
import { SOFTWARE } from './software';

/** The timeout for all requests together, in ms. */
const PATIENCE = 15_000;

/**
 * Tests a credential at a server: connects as a client of either era, and requests the tools. The answer isn't kept.
 *
 * @returns `refused` after a 401 or 403; `unreachable` when it isn't known whether the server accepts it
 */
export async function tryCredential(
  c: Context,
  server: ConnectedServer,
  { header, value }: { header: string; value: string },
): Promise<'accepted' | 'refused' | 'unreachable'> {
  let refused = false;
  const signal = AbortSignal.timeout(PATIENCE);
  const client = new Client(SOFTWARE, { versionNegotiation: { mode: 'auto' } });
  const transport = new StreamableHTTPClientTransport(new URL(`https://${server.name}/mcp`), {
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers);
      headers.set(header, value);
      const body = typeof init?.body === 'string' ? new TextEncoder().encode(init.body) : undefined;
      const request = { method: init?.method ?? 'GET', headers, body, signal };
      const answer = await callServer(c, server, undefined, request);
      if (!answer.ok) throw new Error(answer.error.reason);
      refused ||= answer.value.status === 401 || answer.value.status === 403;
      return answer.value;
    },
  });
  try {
    await client.connect(transport, { signal });
    await client.listTools(undefined, { signal });
    // A server that accepts every `initialize` may still refuse the list.
    return refused ? 'refused' : 'accepted';
  } catch {
    return refused ? 'refused' : 'unreachable';
  } finally {
    await transport.terminateSession().catch(() => undefined);
    await client.close();
  }
}

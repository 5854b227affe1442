import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectModern, type ModernClient, MODERN as VERSION } from '../fixtures/full-clients';
import { withoutPolicy } from '../fixtures/upstream-exchange';
import type { ModernUpstream } from '../fixtures/upstream-modern';
import { useShop } from '../fixtures/use-shop';
import type { Gate } from './harness/gate';
import { grant } from './harness/oauth';
import { mergedGate } from './harness/shared';

const HIDDEN = 'secret';

let gate: Gate;
let upstream: ModernUpstream;
let token: string;
beforeAll(async () => {
  ({ gate, shop: upstream } = await mergedGate());
  ({ access_token: token } = await grantShop('mcp:destructive'));
});

const endpoint = () => `${gate.origin}/mcp/store`;

async function grantShop(scope: string) {
  const choices = { scopes: [scope], servers: ['store'] };
  return (await grant(gate, 'Ada', { params: { resource: endpoint() }, choices })).tokens;
}

async function connect(url: string, headers: Record<string, string> = {}): Promise<ModernClient> {
  const session = await connectModern(url, { headers });
  onTestFinished(() => session.client.close());
  return session;
}

describe('a server of the 2.x SDK behind the gate, revision 2026-07-28', () => {
  test('says the same as without the gate, whatever a client uses of it', async () => {
    const expected = await useShop(await connect(upstream.url), upstream);
    const gated = await connect(endpoint(), { authorization: `Bearer ${token}` });
    expect(gated.two.getNegotiatedProtocolVersion()).toBe(VERSION);
    const seen = await useShop(gated, upstream);
    expect(withoutPolicy(seen, [])).toEqual(withoutPolicy(expected, [HIDDEN]));
  });

  test('publishes what the gate decided of each tool, in a list for this user alone', async () => {
    const { client, exchange } = await connect(endpoint(), { authorization: `Bearer ${token}` });
    const { tools } = await client.listTools();
    expect(Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]))).toEqual({
      find: { readOnlyHint: true, destructiveHint: false },
      buy: { readOnlyHint: false, destructiveHint: true },
      pack: { readOnlyHint: false, destructiveHint: false },
      wait: { readOnlyHint: true, destructiveHint: false },
    });
    const listed = await exchange.until('the list', ({ result }) => hasTools(result));
    expect(listed.result).toMatchObject({ cacheScope: 'private' });
  });

  test('never sees what a caller sends to say who it is', async () => {
    upstream.credentials.length = 0;
    const { client } = await connect(endpoint(), {
      authorization: `Bearer ${token}`,
      cookie: 'a=b',
      'gatehouse-identity': 'somebody',
      'x-user': 'somebody',
      'mcp-session-id': 'made-up',
    });
    expect((await client.listTools()).tools).not.toEqual([]);
    expect(upstream.credentials).toEqual([]);
  });

  test('isn’t called when more scope is needed, and the client gets the names of the scopes', async () => {
    const { access_token } = await grantShop('mcp:read');
    const call = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'buy',
        arguments: { thing: 'cheese' },
        _meta: {
          'io.modelcontextprotocol/protocolVersion': VERSION,
          'io.modelcontextprotocol/clientCapabilities': {},
          'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
        },
      },
    };
    const response = await fetch(endpoint(), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${access_token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': VERSION,
        'mcp-method': 'tools/call',
        'mcp-name': 'buy',
      },
      body: JSON.stringify(call),
    });
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="mcp:read mcp:write mcp:destructive"');
  });
});

function hasTools(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'tools' in result;
}

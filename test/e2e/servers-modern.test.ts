import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Exchange, type Step, withoutPolicy } from '../fixtures/upstream-exchange';
import { type ModernUpstream, startModern } from '../fixtures/upstream-modern';
import { type Gate, startGate } from './harness/gate';
import { grant } from './harness/oauth';

const VERSION = '2026-07-28';
const HIDDEN = 'secret';

let gate: Gate;
let upstream: ModernUpstream;
let token: string;
beforeAll(async () => {
  upstream = await startModern();
  const tools = [{ match: HIDDEN, access: 'hidden' }];
  gate = await startGate({ vars: { SERVERS: [{ name: 'shop', url: upstream.url, auth: 'none', tools }] } });
  ({ access_token: token } = await grantShop('mcp:destructive'));
});
afterAll(() => Promise.all([gate?.stop(), upstream?.close()]));

const endpoint = () => `${gate.origin}/mcp/shop`;

async function grantShop(scope: string) {
  const choices = { scopes: [scope], servers: ['shop'] };
  return (await grant(gate, 'Ada', { params: { resource: endpoint() }, choices })).tokens;
}

interface Session {
  client: Client;
  exchange: Exchange;
  changed: string[];
}

async function connect(url: string, headers: Record<string, string> = {}): Promise<Session> {
  const exchange = new Exchange();
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  const client = new Client(
    { name: 'e2e', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: VERSION } } },
  );
  client.setRequestHandler('elicitation/create', async () => ({
    action: 'accept',
    content: { confirm: true },
  }));
  const changed: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    changed.push(params.uri);
  });
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    changed.push('tools');
  });
  exchange.begin('connect');
  await client.connect(exchange.tap(transport));
  onTestFinished(() => client.close());
  return { client, exchange, changed };
}

/** Uses all that the server offers; returns what went over the wire. */
async function useShop({ client, exchange, changed }: Session): Promise<Record<string, Step>> {
  exchange.begin('lists');
  await client.discover();
  await client.listTools();
  await client.listPrompts();
  await client.listResources();
  exchange.begin('tools');
  const found = await client.callTool({ name: 'find', arguments: { text: 'Käse 🧀' } });
  expect(found.structuredContent).toEqual({ found: ['Käse 🧀'] });
  await client.callTool({ name: 'find', arguments: { text: 7 } }).catch(() => undefined);
  exchange.begin('input');
  const bought = await client.callTool({ name: 'buy', arguments: { thing: 'cheese' } });
  expect(bought.content).toEqual([{ type: 'text', text: 'Bought cheese' }]);
  exchange.begin('progress');
  const progress: number[] = [];
  await client.callTool(
    { name: 'pack', arguments: {} },
    { onprogress: (step) => progress.push(step.progress) },
  );
  expect(progress).toEqual([1, 2, 3]);
  exchange.begin('others');
  await client.readResource({ uri: 'shop://prices' });
  await client.getPrompt({ name: 'haggle', arguments: { thing: 'cheese' } });
  await client.getPrompt({ name: 'nothing' }).catch(() => undefined);
  exchange.begin('subscription');
  const filter = { resourceSubscriptions: ['shop://prices'], toolsListChanged: true };
  const subscription = await client.listen(filter);
  expect(subscription.honoredFilter).toEqual(filter);
  upstream.change('shop://other');
  upstream.change('shop://prices');
  await expect.poll(() => changed.length).toBeGreaterThanOrEqual(3);
  expect(changed).toEqual(['tools', 'shop://prices', 'tools']);
  await subscription.close();
  return exchange.steps;
}

describe('a server of the 2.x SDK behind the gate, revision 2026-07-28', () => {
  test('says the same as without the gate, whatever a client uses of it', async () => {
    const expected = await useShop(await connect(upstream.url));
    const gated = await connect(endpoint(), { authorization: `Bearer ${token}` });
    expect(gated.client.getNegotiatedProtocolVersion()).toBe(VERSION);
    const seen = await useShop(gated);
    expect(withoutPolicy(seen, [])).toEqual(withoutPolicy(expected, [HIDDEN]));
  });

  test('publishes what the gate decided of each tool, in a list for this user alone', async () => {
    const { client, exchange } = await connect(endpoint(), { authorization: `Bearer ${token}` });
    const { tools } = await client.listTools();
    expect(Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]))).toEqual({
      find: { readOnlyHint: true, destructiveHint: false },
      buy: { readOnlyHint: false, destructiveHint: true },
      pack: { readOnlyHint: false, destructiveHint: false },
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

  test('is asked nothing by a call that needs more scope, and the client hears which', async () => {
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

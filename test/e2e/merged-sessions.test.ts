import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startEverything } from '../fixtures/upstream-everything';
import { Exchange } from '../fixtures/upstream-exchange';
import type { Upstream } from '../fixtures/upstream-http';
import { type ModernUpstream, startModern } from '../fixtures/upstream-modern';
import { type Gate, startGate } from './harness/gate';
import { type Granted, grant } from './harness/oauth';

let gate: Gate;
let upstream: Upstream;
let shop: ModernUpstream;
let ada: Granted;
beforeAll(async () => {
  upstream = await startEverything();
  shop = await startModern();
  const servers = [
    { name: 'all', title: 'Everything', url: upstream.url, auth: 'none' },
    { name: 'shop', title: 'Shop', url: shop.url, auth: 'none' },
  ];
  gate = await startGate({ vars: { SERVERS: servers } });
  ada = await grant(gate, 'Ada', {
    params: { resource: `${gate.origin}/mcp` },
    choices: { scopes: ['mcp:destructive'], servers: ['all', 'shop'] },
  });
});
afterAll(() => Promise.all([gate?.stop(), upstream?.close(), shop?.close()]));

async function connect() {
  const exchange = new Exchange();
  const transport = new StreamableHTTPClientTransport(new URL(`${gate.origin}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${ada.tokens.access_token}` } },
  });
  const client = new Client(
    { name: 'e2e', version: '1.0.0' },
    { capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } } },
  );
  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }) => ({
    model: 'a-model',
    role: 'assistant',
    content: { type: 'text', text: `Sampled for ${JSON.stringify(params.messages)}` },
  }));
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) =>
    params.mode === 'url'
      ? { action: 'decline' }
      : { action: 'accept', content: { name: 'Ada Lovelace', check: true, integer: 42, confirm: true } },
  );
  client.setRequestHandler(ListRootsRequestSchema, async () => ({
    roots: [{ uri: 'file:///home/ada', name: 'Home' }],
  }));
  exchange.begin('connect');
  await client.connect(exchange.tap(transport) as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  return { client, exchange, transport };
}

test('everything works through a session', { timeout: 60_000 }, async () => {
  const { client, exchange } = await connect();
  const { tools } = await client.listTools();
  console.log(tools.map(({ name }) => name).join(' '));
  console.log((await client.listResources()).resources.map(({ uri }) => uri).join(' '));
  console.log((await client.listResourceTemplates()).resourceTemplates.map((t) => t.uriTemplate).join(' '));
  console.log((await client.listPrompts()).prompts.map(({ name }) => name).join(' '));
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const result = await client.callTool({ name, arguments: args }).catch((e: unknown) => `${e}`);
    console.log(name, JSON.stringify(result)?.slice(0, 400));
    return result;
  };
  await call('all_echo', { message: 'hi' });
  await call('all_get-resource-links', { count: 2 });
  const progress: number[] = [];
  await client.callTool(
    { name: 'all_trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } },
    undefined,
    { onprogress: (step) => progress.push(step.progress) },
  );
  expect(progress).toEqual([1, 2, 3, 4]);
  await call('all_trigger-sampling-request', { prompt: 'Say hello', maxTokens: 5 });
  await call('all_trigger-elicitation-request');
  await call('all_trigger-url-elicitation', { url: 'https://example.com/login', elicitationId: 'one' });
  await call('all_get-roots-list');
  await call('shop_buy', { thing: 'a hat' });
  await call('shop_find', { text: 'a hat' });
  await client.setLoggingLevel('debug');
  await call('all_toggle-simulated-logging');
  await exchange.notified('notifications/message', 'SessionId');
  const uri = 'mcp+all+demo://resource/dynamic/text/1';
  console.log(JSON.stringify(await client.readResource({ uri })));
  console.log(JSON.stringify(await client.readResource({ uri: 'demo://resource/dynamic/text/1' })));
  await client.subscribeResource({ uri });
  await exchange.notified('notifications/message', 'Received Subscribe');
  await call('all_toggle-subscriber-updates');
  await exchange.notified('notifications/resources/updated', uri);
  console.log(JSON.stringify(await client.getPrompt({ name: 'all_simple-prompt' })));
  const ref = { type: 'ref/prompt' as const, name: 'all_completable-prompt' };
  console.log(JSON.stringify(await client.complete({ ref, argument: { name: 'department', value: 'S' } })));
  shop.change('x');
  await exchange.notified('notifications/tools/list_changed');
  await call('whoami');
});

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { startBridge } from '../fixtures/stdio';
import { startRelay } from '../fixtures/tcp-relay';
import { startEverything } from '../fixtures/upstream-everything';
import { Exchange } from '../fixtures/upstream-exchange';
import type { ModernUpstream } from '../fixtures/upstream-modern';
import type { Gate } from './harness/gate';
import { grant, requestRevocation } from './harness/oauth';
import { type Merged, mergedGate } from './harness/shared';

const BRIDGE = new URL('../../bin/gatehouse-stdio.js', import.meta.url).pathname;
/** The revision with sessions, and the one without. */
const VERSION = '2025-11-25';
const STATELESS = '2026-07-28';

let merged: Merged;
let gate: Gate;
let shop: ModernUpstream;
beforeAll(async () => {
  merged = await mergedGate();
  ({ gate, shop } = merged);
});

/** A person's token for one server, or for `/mcp`. */
async function allow(path: string, origin = gate.origin) {
  const url = `${origin}${path}`;
  const name = path.split('/')[2];
  const choices = { scopes: ['mcp:destructive'], ...(name ? { servers: [name] } : {}) };
  const granted = await grant({ origin }, 'Ada', { params: { resource: url }, choices });
  return { url, key: granted.tokens.access_token, granted };
}

/** How a client starts the bridge. */
function command(url: string, key: string, args: string[] = []) {
  const env = { PATH: process.env.PATH ?? '', GATEHOUSE_KEY: key };
  return { command: process.execPath, args: [BRIDGE, url, ...args], env, stderr: 'pipe' as const };
}

async function connect(url: string, key: string, args: string[] = []) {
  const transport = new StdioClientTransport(command(url, key, args));
  const client = new Client({ name: 'e2e', version: '1.0.0' }, { capabilities: { sampling: {} } });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    role: 'assistant',
    model: 'e2e',
    content: { type: 'text', text: 'sampled by the client' },
  }));
  let log = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exchange = new Exchange();
  await client.connect(exchange.tap(transport));
  onTestFinished(() => client.close());
  return { client, exchange, log: () => log };
}

/**
 * The steps of progress that reached the client. Not those that its SDK told of: that drops what comes at the
 * same moment as the answer.
 */
function progressIn(exchange: Exchange): number[] {
  const all = exchange.all('notifications/progress') as { params: { progress: number } }[];
  return all.map(({ params }) => params.progress);
}

test('a client of the 1.x SDK uses a whole server through it, and goes on after the server was restarted', async () => {
  const { url, key } = await allow('/mcp/everything');
  const { client, exchange, log } = await connect(url, key);
  expect(client.getServerVersion()?.name).toBe('mcp-servers/everything');
  expect((await client.listTools()).tools.length).toBeGreaterThan(8);
  const echo = async (message: string) =>
    (await client.callTool({ name: 'echo', arguments: { message } })).content;
  expect(await echo('Käse 🧀 \u2028')).toEqual([{ type: 'text', text: 'Echo: Käse 🧀 \u2028' }]);
  const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'say' } });
  expect(JSON.stringify(sampled.content)).toContain('sampled by the client');

  const long = (duration: number) => ({
    name: 'trigger-long-running-operation',
    arguments: { duration, steps: duration * 10 },
  });
  const onprogress = () => undefined;
  await client.callTool(long(0.2), undefined, { onprogress });
  expect(progressIn(exchange)).toEqual([1, 2]);
  const cancel = new AbortController();
  const endless = client.callTool(long(60), undefined, { signal: cancel.signal, onprogress });
  await expect.poll(() => progressIn(exchange).length).toBeGreaterThan(2);
  cancel.abort('enough');
  await expect(endless).rejects.toThrow('enough');

  const updated: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updated.push(params.uri);
  });
  const uri = 'demo://resource/dynamic/text/1';
  await client.subscribeResource({ uri });
  await merged.everything.close();
  merged.everything = await startEverything(Number(new URL(merged.everything.url).port));
  expect(await echo('after')).toEqual([{ type: 'text', text: 'Echo: after' }]);
  await client.callTool({ name: 'toggle-subscriber-updates' });
  await expect.poll(() => updated).toContain(uri);
  expect(log()).toContain('opening a new one');
  expect(log()).not.toContain(key);
});

test('a client of the 2.x SDK speaks the stateless revision through it, subscriptions and cancelling included', async () => {
  const { url, key } = await allow('/mcp/shop');
  const client = new ModernClient(
    { name: 'e2e', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: STATELESS } } },
  );
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { confirm: true } }));
  const changed: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    changed.push(params.uri);
  });
  const exchange = new Exchange();
  await client.connect(exchange.tap(new ModernStdio(command(url, key))));
  onTestFinished(() => client.close());
  expect(client.getNegotiatedProtocolVersion()).toBe(STATELESS);
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('buy');
  const bought = await client.callTool({ name: 'buy', arguments: { thing: 'Käse' } });
  expect(bought.content).toEqual([{ type: 'text', text: 'Bought Käse' }]);
  await client.callTool({ name: 'pack', arguments: {} }, { onprogress: () => undefined });
  expect(progressIn(exchange)).toEqual([1, 2, 3]);

  const listening = await client.listen({ resourceSubscriptions: ['shop://prices'] });
  shop.change('shop://prices');
  await expect.poll(() => changed).toEqual(['shop://prices']);
  await listening.close();
  await client.readResource({ uri: 'shop://prices' });
  shop.change('shop://prices');
  await client.discover();
  expect(changed).toHaveLength(1);
});

test('a client that tries the stateless revision first finds out through it that a server has sessions', async () => {
  const { url, key } = await allow('/mcp/everything');
  const client = new ModernClient(
    { name: 'e2e', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  await client.connect(new ModernStdio(command(url, key)));
  onTestFinished(() => client.close());
  expect(client.getNegotiatedProtocolVersion()).toBe(VERSION);
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
  expect(content).toEqual([{ type: 'text', text: 'Echo: hi' }]);
});

test('a crash of the gate, and the network gone and back, cost a client nothing but time', async () => {
  const relay = await startRelay(gate.port);
  const { url, key } = await allow('/mcp', relay.origin);
  const { client } = await connect(url, key, ['--patience', '30']);
  const { client: hasty } = await connect(url, key, ['--patience', '1']);
  const whoami = async (who = client) => (await who.callTool({ name: 'whoami' })).structuredContent;
  expect(await whoami()).toMatchObject({ user: { name: 'Ada' } });
  await gate.kill();
  const waiting = client.listTools();
  await gate.restart();
  await waiting;
  expect(await whoami()).toMatchObject({ user: { name: 'Ada' } });

  await relay.cut();
  const late = whoami();
  await new Promise((resolve) => setTimeout(resolve, 600));
  await relay.mend();
  expect(await late).toMatchObject({ user: { name: 'Ada' } });

  await relay.cut();
  onTestFinished(relay.cut);
  await expect(whoami(hasty)).rejects.toThrow('The server can’t be reached: the connection was refused');
  await relay.mend();
  expect(await whoami(hasty)).toMatchObject({ user: { name: 'Ada' } });
});

test('a key that is wrong, or revoked in mid-session, ends it with a sentence, and nobody is left waiting', async () => {
  const initialize = {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: 'e2e', version: '1' },
  };
  const { url, key, granted } = await allow('/mcp');
  const wrong = startBridge([url], { GATEHOUSE_KEY: 'wrong-key' });
  await expect(wrong.request('initialize', initialize)).rejects.toThrow(
    'the server rejected the key in GATEHOUSE_KEY',
  );
  expect(await wrong.ended).toBe(3);

  const bridge = startBridge([url, '--header', `Authorization: Bearer ${key}`]);
  await bridge.request('initialize', initialize);
  bridge.notify('notifications/initialized');
  expect(await bridge.request('tools/call', { name: 'whoami' })).toMatchObject({
    content: expect.anything(),
  });
  const { client_id } = granted.client;
  await requestRevocation(gate.origin, { token: granted.tokens.refresh_token, client_id });
  const calls = ['tools/list', 'tools/call'].map((method) => bridge.request(method, { name: 'whoami' }));
  const answers = await Promise.all(calls.map((call) => call.catch((error: Error) => error.message)));
  for (const answer of answers) expect(answer).toContain('the server rejected the credential of --header');
  expect(await bridge.ended).toBe(3);
  expect(bridge.log()).not.toContain(key);
  expect(bridge.log().trim().split('\n')).toHaveLength(1);
});

test('the session ends with the client: exit 0, whether stdin closes or a signal comes', async () => {
  const { url, key } = await allow('/mcp/everything');
  for (const end of ['close', 'SIGTERM', 'SIGINT'] as const) {
    const bridge = startBridge([url], { GATEHOUSE_KEY: key });
    await bridge.request('initialize', {
      protocolVersion: VERSION,
      capabilities: {},
      clientInfo: { name: 'e', version: '1' },
    });
    bridge.notify('notifications/initialized');
    await bridge.request('ping');
    if (end === 'close') bridge.closeStdin();
    else bridge.signal(end);
    expect(await bridge.ended).toBe(0);
    expect(bridge.log()).toBe('');
  }
});

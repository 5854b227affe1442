import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connectOne, type SessionClient } from '../fixtures/full-clients';
import { type EventfulUpstream, startEventful } from '../fixtures/upstream-eventful';
import { type ModernUpstream, startModern } from '../fixtures/upstream-modern';
import { type Gate, startGate } from './harness/gate';
import { grant } from './harness/oauth';

/* Sessions at `/mcp` while the gate, or a server behind it, goes away and comes back. */

let gate: Gate;
let log: EventfulUpstream;
let shop: ModernUpstream;
let token: string;
const servers = () => [
  { name: 'log', url: log.url, auth: 'none' },
  { name: 'shop', url: shop.url, auth: 'none' },
];
beforeAll(async () => {
  [log, shop] = await Promise.all([startEventful(), startModern()]);
  gate = await startGate({ vars: { SERVERS: servers() } });
  const choices = { scopes: ['mcp:destructive'], servers: ['log', 'shop'] };
  const granted = await grant(gate, 'Ada', { params: { resource: `${gate.origin}/mcp` }, choices });
  token = granted.tokens.access_token;
});
afterAll(() => Promise.all([gate?.stop(), log?.close(), shop?.close()]));

/** A session whose own stream hears `log`. */
async function connect(): Promise<SessionClient> {
  const before = log.listeners();
  const session = await connectOne(`${gate.origin}/mcp`, { bearer: () => token, persistent: true });
  onTestFinished(() => session.terminate());
  await session.client.listTools();
  await expect.poll(log.listeners).toBe(before + 1);
  return session;
}

/** The numbers that a client was told, in the order in which they came. */
function heard({ exchange }: SessionClient): number[] {
  const said = exchange.all('notifications/message') as { params: { data: { number: number } } }[];
  return said.map(({ params }) => params.data.number);
}

/** Says one number after the other, until stopped; then returns how many. */
function keepSaying(): { said(): number; stop(): Promise<number> } {
  let [count, stopped] = [0, false];
  const saying = (async () => {
    while (!stopped) {
      await log.say(count);
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const stop = async () => {
    stopped = true;
    await saying;
    return count;
  };
  onTestFinished(() => void stop());
  return { said: () => count, stop };
}

test('a crash of the gate loses no event and repeats none; a pending call gets an error', async () => {
  const session = await connect();
  const id = session.sessionId();
  const sessions = log.sessions();
  const hung = session.call('shop_wait').catch((error: unknown) => `${error}`);
  await expect.poll(() => shop.waits).toEqual(['waiting']);
  const saying = keepSaying();
  await expect.poll(() => heard(session).length).toBeGreaterThan(20);
  await gate.kill();
  const meanwhile = saying.said();
  await gate.restart();
  expect(saying.said()).toBeGreaterThan(meanwhile + 20);
  const since = saying.said();
  await expect.poll(() => heard(session).length).toBeGreaterThan(since + 20);
  const count = await saying.stop();
  await expect.poll(() => heard(session).length).toBeGreaterThanOrEqual(count);
  expect(heard(session)).toEqual(Array.from({ length: count }, (_, number) => number));
  expect(await hung).toContain('-32603');
  expect(await session.call('log_ask')).toMatchObject({ content: [{ text: 'answered' }] });
  expect(session.sessionId()).toBe(id);
  expect(log.sessions()).toBe(sessions);
});

test.each([404, 400] as const)(
  'a server that forgot its sessions (%s) costs its client nothing',
  async (status) => {
    const session = await connect();
    const id = session.sessionId();
    log.forget(status);
    expect(await session.call('log_ask')).toMatchObject({ content: [{ text: 'answered' }] });
    await expect.poll(log.listeners).toBe(1);
    await log.say(7);
    await expect.poll(() => heard(session)).toEqual([7]);
    expect(session.sessionId()).toBe(id);
  },
);

test('a server that needs an account, goes and comes back between restarts loses no session', async () => {
  const session = await connect();
  const { client, exchange } = session;
  const names = async () => (await client.listTools()).tools.map(({ name }) => name);
  const id = session.sessionId();
  const told = () => exchange.all('notifications/tools/list_changed').length;
  const restart = async (settings: object[]) => {
    const before = told();
    await gate.restart({ vars: { SERVERS: settings } });
    await expect.poll(told).toBeGreaterThan(before);
  };
  const [first, second] = servers();
  await restart([{ ...first, auth: 'api_key' }]);
  expect(await names()).toEqual(['whoami', 'log_connect']);
  await expect(session.call('log_ask')).rejects.toThrow('-32042');
  await restart([{ ...first, name: 'renamed' }]);
  expect(await names()).toEqual(['whoami']);
  await restart([{ ...first }, { ...second, url: first?.url }]);
  expect(await names()).toEqual(expect.arrayContaining(['log_ask', 'shop_ask']));
  expect(await session.call('log_ask')).toMatchObject({ content: [{ text: 'answered' }] });
  expect(await session.call('shop_ask')).toMatchObject({ content: [{ text: 'answered' }] });
  await restart(servers());
  expect(await session.call('shop_find', { text: 'a hat' })).toMatchObject({ content: [{}] });
  expect(session.sessionId()).toBe(id);
});

test('other settings after a restart are announced to clients that come back, and apply', async () => {
  const session = await connect();
  const { client, exchange } = session;
  const names = async () => (await client.listTools()).tools.map(({ name }) => name);
  expect(await names()).toEqual(expect.arrayContaining(['log_hide', 'log_ask', 'shop_find']));
  const before = exchange.all('notifications/tools/list_changed').length;
  const [only] = servers();
  const hidden = { ...only, tools: [{ match: 'hide', access: 'hidden' }] };
  await gate.restart({ vars: { SERVERS: [hidden] } });
  await exchange.times('notifications/tools/list_changed', before + 1);
  expect(await names()).toEqual(['whoami', 'log_ask', 'log_change']);
  await expect(session.call('log_hide')).rejects.toThrow('-32602');
  await expect(session.call('shop_find', { text: 'a hat' })).rejects.toThrow('-32602');
  expect(await session.call('log_ask')).toMatchObject({ content: [{ text: 'answered' }] });
});

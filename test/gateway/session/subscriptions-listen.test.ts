import { beforeAll, expect, test } from 'vitest';
import { listeningServer } from '../../fixtures/mcp-listening-server';
import { type Connected, messageOf, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { connectMerged, deploy, EventStream, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';

/* `subscriptions/listen` at `/mcp`: a client hears what it asked for, once, and nothing else. */

const modern = listeningServer();
const old = sessionServer();
/** Lists its tools when it is let; `asked` is how often it was for them. */
let asked = 0;
let held: Promise<void> | undefined;
const slow = scripted(async (received) => {
  const { id, method } = messageOf(received);
  if (method === 'tools/list') {
    asked += 1;
    await held;
  }
  if (id === undefined) return new Response(null, { status: received.method === 'POST' ? 202 : 405 });
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {}, resources: { subscribe: true } },
      serverInfo: { name: 's', version: '1' },
    },
    'resources/subscribe': {},
    'tools/list': { tools: [{ name: 'go', inputSchema: { type: 'object' } }] },
  };
  return Response.json({ jsonrpc: '2.0', id, result: results[method ?? ''] ?? { content: [] } });
});
const gate = deploy({ modern: { behind: modern.behind }, old: { behind: old }, slow: { behind: slow } });
let ada: Connected;
let caller: Caller;
beforeAll(async () => {
  ada = await connectMerged(gate, ['modern', 'old', 'slow'], { user: { name: 'Listening A' } });
  caller = new Caller(ada, 'x');
  await caller.tools({ era: 'modern', path: '/mcp' });
});

const listen = async (notifications: object, id: string | number = 1) => {
  const stream = new EventStream(
    await caller.fetch({
      era: 'modern',
      path: '/mcp',
      method: 'subscriptions/listen',
      params: { notifications },
      id,
    }),
  );
  await stream.said('notifications/subscriptions/acknowledged');
  return stream;
};
const heard = (stream: EventStream) =>
  stream.events
    .slice(1)
    .flatMap(({ message: { method, params } }) => (method ? [`${method} ${params?.uri ?? ''}`] : []))
    .map((said) => said.replace('notifications/', '').trim());

test('gets only what it asked for, each on its own stream', async () => {
  const tools = await listen({ toolsListChanged: true }, 0);
  const watching = await listen(
    {
      resourceSubscriptions: [
        'mcp+modern+shop://prices',
        'mcp+old+file:///readme',
        'x://unknown',
        'mcp+none+x://y',
      ],
    },
    'é',
  );
  const plain = await listen({ resourceSubscriptions: ['shop://prices', 'file:///readme'] }, '');
  const nothing = await listen({});
  modern.notify.promptsChanged();
  modern.notify.resourceUpdated('shop://prices');
  modern.notify.resourceUpdated('shop://other');
  // Another server's, of the same URI.
  await old.touch('shop://prices');
  await old.touch('file:///readme');
  modern.notify.toolsChanged();
  await tools.said('notifications/tools/list_changed');
  await watching.until(({ message }) => message.params?.uri === 'mcp+old+file:///readme');
  await plain.until(({ message }) => message.params?.uri === 'file:///readme');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(heard(tools)).toEqual(['tools/list_changed']);
  expect(heard(watching).sort()).toEqual([
    'resources/updated mcp+modern+shop://prices',
    'resources/updated mcp+old+file:///readme',
  ]);
  expect(heard(plain).sort()).toEqual([
    'resources/updated file:///readme',
    'resources/updated shop://prices',
  ]);
  expect(heard(nothing)).toEqual([]);
  for (const stream of [tools, watching, plain, nothing]) await stream.leave();
  expect(await eventually(() => old.listeners() === 0)).toBe(true);
});

test('a client of 2026 that leaves while its call is judged has it called off', async () => {
  const away = new AbortController();
  const bob = new Caller(await connectMerged(gate, ['slow'], { user: { name: 'Listening B' } }), 'x');
  let release = () => {};
  held = new Promise((resolve) => {
    release = resolve;
  });
  const before = asked;
  const call = bob
    .fetch({
      era: 'modern',
      path: '/mcp',
      method: 'tools/call',
      params: { name: 'slow_go' },
      signal: away.signal,
    })
    .catch(() => undefined);
  await expect.poll(() => asked).toBeGreaterThan(before);
  away.abort();
  await call;
  release();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(slow.received.map(messageOf).filter(({ method }) => method === 'tools/call')).toEqual([]);
});

test('a server without sessions sends nothing of its own, and is not waited for', async () => {
  const session = await InSession.begin(
    await connectMerged(gate, ['slow'], { user: { name: 'Listening C' } }),
  );
  const own = await session.listen();
  await session.call('slow_go');
  const uri = 'mcp+slow+x://y';
  const turns: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const began = performance.now();
    expect((await session.request('resources/subscribe', { uri })).result).toEqual({});
    await (await listen({ toolsListChanged: true })).leave();
    turns.push(performance.now() - began);
  }
  // Each would wait for two seconds: not one does because the machine is slow at the moment.
  expect(Math.min(...turns)).toBeLessThan(1_900);
  await own.leave();
});

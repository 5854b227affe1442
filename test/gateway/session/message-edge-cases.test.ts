import { describe, expect, test } from 'vitest';
import { messageOf, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import {
  connectMerged,
  deploy,
  EventStream,
  eventually,
  InSession,
  textOf,
} from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';

/* What a client of a session says out of the ordinary: ids, order, older revisions. */

const one = sessionServer();
/** Lists its tools late, and answers no call before it is told to drop it; `cancelled` are the ids of calls that it was told to drop. */
const called: unknown[] = [];
const cancelled: unknown[] = [];
const slow = scripted(async (received) => {
  const { id, method, params } = messageOf(received);
  if (method === 'tools/list') await new Promise((resolve) => setTimeout(resolve, 300));
  if (method === 'notifications/cancelled') cancelled.push(params?.requestId);
  if (method === 'tools/call') called.push(id);
  if (id === undefined) return new Response(null, { status: received.method === 'POST' ? 202 : 405 });
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 's', version: '1' },
    },
    'tools/list': { tools: [{ name: 'go', inputSchema: { type: 'object' } }] },
  };
  if (method === 'tools/call') await eventually(() => cancelled.includes(id));
  return Response.json({ jsonrpc: '2.0', id, result: results[method ?? ''] ?? { content: [] } });
});
const gate = deploy({ one: { behind: one }, slow: { behind: slow } });
const begin = async (name: string, capabilities = {}) =>
  InSession.begin(await connectMerged(gate, ['one', 'slow'], { user: { name } }), capabilities);

test('a call that is taken back at once is not begun, or ended at its server', async () => {
  const session = await begin('Message A');
  const call = session.fetch('POST', { id: 'c', method: 'tools/call', params: { name: 'slow_go' } });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await session.post({ method: 'notifications/cancelled', params: { requestId: 'c' } });
  await (await call).body?.cancel();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await expect.poll(() => cancelled.length).toBe(called.length);
});

test('updates of a resource use the URI with which the client subscribed', async () => {
  const session = await begin('Message B');
  const own = await session.listen();
  expect((await session.request('resources/subscribe', { uri: 'file:///readme' })).result).toEqual({});
  await one.touch('file:///readme');
  const { message } = await own.said('notifications/resources/updated');
  expect(message.params).toEqual({ uri: 'file:///readme' });
});

test.each([0, '', -1, 9007199254740991, 'x'.repeat(5_000), '\ud83c\udf0d "\\'])(
  'a request with the id %j is answered with it',
  async (id) => {
    const session = await begin('Message C');
    const stream = new EventStream(
      await session.fetch('POST', {
        id,
        method: 'tools/call',
        params: { name: 'one_look', arguments: { text: 'x' }, _meta: { progressToken: id } },
      }),
    );
    const { message } = await stream.until((event) => event.message.result !== undefined);
    expect(message.id).toBe(id);
    expect(textOf(message)).toMatch(/^look: x/);
  },
);

test('a person’s refusal of a question reaches the server with its code and words', async () => {
  const session = await begin('Message D', { sampling: {}, elicitation: {} });
  const call = await session.open('tools/call', { name: 'one_sample', arguments: { text: 'x' } });
  const { message } = await call.said('sampling/createMessage');
  const error = { code: -1, message: 'User rejected', data: { by: 'user' } };
  await session.post({ id: message.id, error });
  await call.until((event) => event.message.result !== undefined);
  const told = one.received
    .map((r) => (r.text === '' ? {} : JSON.parse(r.text)))
    .findLast((m) => 'error' in m);
  expect(told?.error).toEqual(error);
});

describe.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
  'a client of revision %s',
  (version) => {
    test('comes back in the middle of a call and gets the answer', async () => {
      const connected = await connectMerged(gate, ['one', 'slow'], { user: { name: `Message ${version}` } });
      const head = { 'mcp-session-id': '', 'mcp-protocol-version': '' };
      const raw = InSession.of(connected, '');
      const params = {
        protocolVersion: version,
        capabilities: { elicitation: {}, sampling: {} },
        clientInfo: { name: 'r', version: '1' },
      };
      const begun = await raw.fetch('POST', { id: 0, method: 'initialize', params }, head);
      const stream = new EventStream(begun);
      const { message } = await stream.until((event) => event.message.result !== undefined);
      expect(message.result?.protocolVersion).toBe(version);
      const session = InSession.of(connected, begun.headers.get('mcp-session-id') ?? '');
      const said = { 'mcp-protocol-version': version < '2025-06-18' ? '' : version };
      expect((await session.fetch('POST', { method: 'notifications/initialized' }, said)).status).toBe(202);
      const call = new EventStream(
        await session.fetch(
          'POST',
          { id: 5, method: 'tools/call', params: { name: 'one_sample', arguments: { text: 'x' } } },
          said,
        ),
      );
      const question = await call.said('sampling/createMessage');
      await call.leave();
      const again = new EventStream(
        await session.fetch('GET', undefined, { ...said, 'last-event-id': question.id }),
      );
      expect(again.response.status).toBe(200);
      const content = { type: 'text', text: 'sampled' };
      await (
        await session.fetch(
          'POST',
          { id: question.message.id, result: { role: 'assistant', model: 'm', content } },
          said,
        )
      ).text();
      const done = await again.until((event) => event.message.result !== undefined);
      expect(done.message.id).toBe(5);
    });
  },
);

const INVALID: [string, unknown][] = [
  ['tools/call', { name: 'one_look', arguments: [] }],
  ['tools/call', { name: 5 }],
  ['tools/call', { name: '' }],
  ['tools/call', {}],
  ['tools/call', []],
  ['tools/call', { name: 'constructor' }],
  ['tools/call', { name: '__proto___x' }],
  ['tools/call', { name: 'one_\ud800' }],
  ['prompts/get', { name: 7 }],
  ['resources/read', { uri: 'mcp+one+' }],
  ['resources/read', { uri: '' }],
  ['resources/read', { uri: 'mcp+two+x://y' }],
  ['resources/subscribe', { uri: 'nothing://x' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'one_x' }, argument: { name: 'x', value: '' } }],
  ['logging/setLevel', { level: 'loud' }],
  ['tools/list', { cursor: '' }],
  ['tools/list', { cursor: '\ud800' }],
  ['tools/list', { cursor: 5 }],
  ['tasks/list', {}],
  ['tasks/get', { taskId: 'x' }],
  ['roots/list', {}],
  ['sampling/createMessage', { messages: [], maxTokens: 1 }],
  ['notifications/initialized', {}],
];

describe('a request that means nothing', () => {
  test('is refused by the protocol in either era, and harms no session', async () => {
    const connected = await connectMerged(gate, ['one'], { user: { name: 'Message E' } });
    const session = await InSession.begin(connected);
    const caller = new Caller(connected, 'one');
    for (const [method, params] of INVALID) {
      const what = `${method} ${JSON.stringify(params)}`;
      const { error } = await session.request(method, params as object);
      expect(error?.code, what).toBeLessThan(-32_000);
      if (Array.isArray(params)) continue;
      const sent = { method, params: params as Record<string, unknown>, path: '/mcp' };
      const { status, body } = await caller.send({ ...sent, era: 'modern' });
      expect(status, what).toBeLessThan(500);
      expect(body.error?.code, what).toBeLessThan(-32_000);
    }
    expect(await session.call('one_look', 'on')).toMatch(/^look: on/);
  });
});

import { runDurableObjectAlarm } from 'cloudflare:test';
import { describe, expect, test, vi } from 'vitest';
import { type Connected, connectTo, listResult, messageOf, scripted } from '../../fixtures/mcp-server';
import { connectMerged, deploy, eventually, InSession, TOOLS_CHANGED } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { accountOf } from '../../fixtures/worker';

/* Turns that a session takes at an odd moment. */

const one = sessionServer();
const locked = sessionServer();
let pages = 0;
/** Its list never ends. */
const endless = scripted((received) => {
  const { id, method } = messageOf(received);
  if (id === undefined) return new Response(null, { status: 202 });
  const page = () => listResult({ [`tool-${++pages}`]: { readOnlyHint: true } }, { nextCursor: `${pages}` });
  const result =
    method === 'tools/list'
      ? page()
      : {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'e', version: '1' },
        };
  return Response.json({ jsonrpc: '2.0', id, result });
});
const gate = deploy({
  one: { behind: one },
  locked: { behind: locked, setting: { auth: 'api_key' } },
  endless: { behind: endless },
});
const connect = ({ tokens }: Connected) =>
  accountOf(tokens.access_token).storeConnections([
    { credential: { auth: 'api_key', server: 'locked', key: 'k' }, place: 'binding:BEHIND_locked' },
  ]);
const disconnect = ({ tokens }: Connected) => accountOf(tokens.access_token).disconnect('locked', []);

describe('a session that its client ends', () => {
  test('while a call is under way: the call is over, and whatever comes later is 404', async () => {
    const session = await InSession.begin(await connectMerged(gate, ['one'], { user: { name: 'Odd A' } }));
    const own = await session.listen();
    const call = await session.open('tools/call', { name: 'one_wait', arguments: { text: 'x' } });
    expect(await eventually(() => one.waiting() === 1)).toBe(true);
    expect(await session.end()).toBe(204);
    await own.end();
    await call.end();
    one.release();
    for (const method of ['POST', 'GET', 'DELETE'])
      expect(
        (await session.fetch(method, method === 'POST' ? { id: 3, method: 'ping' } : undefined)).status,
      ).toBe(404);
    expect(await eventually(() => one.waiting() === 0)).toBe(true);
    expect((await session.fetch('POST', { id: 4, method: 'ping' })).status).toBe(404);
  });
});

describe('a session that is used in an unusual way', () => {
  test('goes on after a second `initialize` in it, which is refused', async () => {
    const session = await InSession.begin(await connectMerged(gate, ['one'], { user: { name: 'Odd H' } }));
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'r', version: '1' },
    };
    for (const headers of [{}, { accept: 'application/json' }]) {
      const answer = await session.fetch('POST', { id: 7, method: 'initialize', params }, headers);
      await answer.body?.cancel();
      expect([400, 406]).toContain(answer.status);
    }
    expect(await session.call('one_look', 'on')).toMatch(/^look: on/);
  });

  test('does not end as idle in the middle of a long call', async () => {
    const session = await InSession.begin(await connectMerged(gate, ['one'], { user: { name: 'Odd J' } }));
    const call = await session.open('tools/call', { name: 'one_wait', arguments: { text: 'long' } });
    expect(await eventually(() => one.waiting() === 1)).toBe(true);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 86_400_000 });
    await runDurableObjectAlarm(await session.object());
    vi.useRealTimers();
    one.release();
    const { message } = await call.until((event) => event.message.result !== undefined);
    expect(JSON.stringify(message.result)).toContain('waited: long');
    expect(await session.call('one_look', 'on')).toMatch(/^look: on/);
  });
});

describe('a server that is locked in the middle', () => {
  test.each(['/mcp', '/mcp/locked'])(
    'at %s, what only it could answer says so, with the link',
    async (path) => {
      const merged = path === '/mcp';
      const who = { user: { name: `Odd ${path}` } };
      const ann = merged ? await connectMerged(gate, ['locked'], who) : await connectTo(gate, 'locked', who);
      const session = await InSession.begin(ann, {}, path);
      const uri = merged ? 'mcp+locked+file:///readme' : 'file:///readme';
      await connect(ann);
      const read = await session.request('resources/read', { uri });
      expect(read.result?.contents).toMatchObject([{ text: 'Hello' }]);
      await session.request('resources/subscribe', { uri });
      await disconnect(ann);
      const name = merged ? 'locked_write' : 'write';
      const argument = { name: 'x', value: '' };
      const asked: [string, object][] = [
        ['resources/read', { uri }],
        ['resources/subscribe', { uri }],
        ['resources/unsubscribe', { uri }],
        ['prompts/get', { name }],
        ['completion/complete', { ref: { type: 'ref/prompt', name }, argument }],
        ['completion/complete', { ref: { type: 'ref/resource', uri }, argument }],
      ];
      for (const [method, params] of asked) {
        const { error } = await session.request(method, params);
        expect([method, error]).toMatchObject([
          method,
          {
            code: -32010,
            data: { reason: 'not_connected', url: expect.stringContaining('/connect/locked?ticket=') },
          },
        ]);
      }
      await connect(ann);
      expect((await session.request('resources/subscribe', { uri })).result).toEqual({});
    },
  );

  test('asks its client through a session that was begun before it was connected', async () => {
    const bob = await connectTo(gate, 'locked', { user: { name: 'Odd B' } });
    const session = await InSession.begin(
      bob,
      { elicitation: { form: {} }, sampling: {}, roots: {} },
      '/mcp/locked',
    );
    expect(await session.tools()).toEqual(['locked_connect']);
    await connect(bob);
    const asked = await session.open('tools/call', { name: 'ask', arguments: { text: 'word?' } });
    const question = await asked.said('elicitation/create');
    await session.post({ id: question.message.id, result: { action: 'accept', content: { word: 'yes' } } });
    expect((await asked.until(({ message }) => message.result !== undefined)).message.result).toMatchObject({
      content: [{ text: 'accept: yes' }],
    });
    const sampled = await session.open('tools/call', { name: 'sample', arguments: { text: 'hm' } });
    const { message } = await sampled.said('sampling/createMessage');
    const content = { type: 'text', text: 'sampled' };
    await session.post({ id: message.id, result: { role: 'assistant', model: 'm', content } });
    const done = await sampled.until((event) => event.message.result !== undefined);
    expect(JSON.stringify(done.message.result)).toContain('sampled');
  });

  test.each(['again', 'for the first time'])(
    'a client whose stream was down when the person connected hears of it once, when it listens %s',
    async (when) => {
      const ida = await connectMerged(gate, ['locked'], { user: { name: `Odd I ${when}` } });
      const session = await InSession.begin(ida);
      const first = await session.listen();
      await session.call('whoami');
      await first.leave();
      expect(await session.tools()).toContain('locked_connect');
      await connect(ida);
      const second = await session.listen(when === 'again' ? first.lastId || '~0' : '');
      await second.said(TOOLS_CHANGED);
      await second.leave();
      const third = await session.listen(second.lastId);
      await session.call('whoami');
      expect(third.count(TOOLS_CHANGED)).toBe(0);
      await third.leave();
    },
  );

  test('as another account before a question was answered: the call is over, and the answer goes nowhere', async () => {
    const kim = await connectMerged(gate, ['locked'], { user: { name: 'Odd K' } });
    await connect(kim);
    const session = await InSession.begin(kim, { elicitation: { form: {} } });
    const call = await session.open('tools/call', { name: 'locked_ask', arguments: { text: 'word?' } });
    const { message } = await call.said('elicitation/create');
    await connect(kim);
    const reached = locked.received.length;
    await session.post({ id: message.id, result: { action: 'accept', content: { word: 'yes' } } });
    const done = await call.until((event) => event.message.result !== undefined);
    expect(done.message.result).toMatchObject({ isError: true });
    expect(locked.received.slice(reached).map(messageOf)).toEqual([]);
    expect(await session.call('locked_look', 'on')).toMatch(/^look: on/);
  });

  test('disconnected during a call: the call is answered, the next shows the link', async () => {
    const cas = await connectMerged(gate, ['locked'], { user: { name: 'Odd C' } });
    await connect(cas);
    const session = await InSession.begin(cas);
    const own = await session.listen();
    const call = await session.open('tools/call', { name: 'locked_wait', arguments: { text: 'x' } });
    expect(await eventually(() => locked.waiting() === 1)).toBe(true);
    await disconnect(cas);
    await own.said(TOOLS_CHANGED);
    locked.release();
    const { message } = await call.until((event) => event.message.result !== undefined);
    expect(JSON.stringify(message.result)).toContain('waited: x');
    expect(await session.call('locked_look')).toContain('/connect/locked?ticket=');
    await own.leave();
  });
});

describe('what comes from elsewhere', () => {
  test('an event id of another session replays nothing, and harms nothing', async () => {
    const dee = await connectMerged(gate, ['one'], { user: { name: 'Odd D' } });
    const [first, second] = [await InSession.begin(dee), await InSession.begin(dee)];
    const stream = await first.open('tools/call', { name: 'one_look', arguments: { text: 'secret' } });
    await stream.until(({ message }) => message.result !== undefined);
    const foreign = await second.fetch('GET', undefined, { 'last-event-id': stream.lastId });
    expect(foreign.status).toBe(405);
    const own = await second.listen('~999999');
    expect(own.response.status).toBe(200);
    await second.call('one_look');
    await one.changeTools();
    await own.said(TOOLS_CHANGED);
    expect(JSON.stringify(own.events)).not.toContain('secret');
    await own.leave();
  });

  test.each([
    ['POST', '1999-01-01'],
    ['POST', 'nonsense'],
    ['GET', '1999-01-01'],
    ['DELETE', '1999-01-01'],
    ['GET', '2026-07-28'],
    ['DELETE', '2026-07-28'],
  ])('%s with the protocol version %s is refused, and the session goes on', async (method, version) => {
    const eve = await connectMerged(gate, ['one'], { user: { name: 'Odd E' } });
    const session = await InSession.begin(eve);
    const message = method === 'POST' ? { id: 1, method: 'ping' } : undefined;
    const answer = await session.fetch(method, message, { 'mcp-protocol-version': version });
    await answer.body?.cancel();
    expect([400, 405]).toContain(answer.status);
    expect(await session.call('one_look', 'on')).toMatch(/^look: on/);
  });

  test('a cursor of another person’s list shows nothing of theirs', async () => {
    const fin = await InSession.begin(await connectMerged(gate, ['one'], { user: { name: 'Odd F' } }));
    for (const place of [
      ['locked', 'locked_look', 0],
      ['one', 'one_look', 1e9],
      ['one', 'x', 0],
    ]) {
      const cursor = btoa(JSON.stringify(place)).replace(/=+$/, '');
      const { result, error } = await fin.request('tools/list', { cursor });
      expect(JSON.stringify(result ?? {})).not.toContain('locked');
      if (place[0] === 'locked') expect(error?.code).toBe(-32602);
    }
  });

  test('a list that never ends costs its own server’s tools, and is not read for ever', async () => {
    const gil = await InSession.begin(
      await connectMerged(gate, ['one', 'endless'], { user: { name: 'Odd G' } }),
    );
    expect(await gil.tools()).toContain('one_look');
    const stands = async () => {
      const read = pages;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return pages === read;
    };
    await expect.poll(stands).toBe(true);
  });
});

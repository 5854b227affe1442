import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import type { Connected } from '../../fixtures/mcp-server';
import { connectMerged, deploy, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { registerClient } from '../../fixtures/worker';

const one = sessionServer();
const two = sessionServer();
const TOKENS = { access: 1_000_000 };
const gate = deploy({ one: { behind: one }, two: { behind: two } }, { TOKENS });
let [ada, bob]: Connected[] = [];
beforeAll(async () => {
  ada = await connectMerged(gate, ['one', 'two'], { scope: ['mcp:read'] });
  bob = await connectMerged(gate, ['one', 'two'], { user: { name: 'Bob' } });
});
afterEach(startClock);

const begin = (capabilities?: object) => InSession.begin(ada as Connected, capabilities);

/** Everything that a session's object stores, by table; `{}` when it stores nothing. */
async function storedBy(session: InSession): Promise<Record<string, unknown[]>> {
  return storedIn(await session.object());
}

function storedIn(object: DurableObjectStub): Promise<Record<string, unknown[]>> {
  return runInDurableObject(object, (_, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    return Object.fromEntries(
      tables.map(({ name }) => [name, storage.sql.exec(`SELECT * FROM ${name}`).toArray()]),
    );
  });
}

/** The answers to one request of each kind. */
async function statuses(session: InSession): Promise<number[]> {
  const answers = [
    await session.fetch('POST', { id: 1, method: 'tools/list' }),
    await session.fetch('POST', { id: 1, method: 'tools/call', params: { name: 'one_look', arguments: {} } }),
    await session.fetch('POST', { id: 1, method: 'initialize', params: {} }),
    await session.fetch('POST', { method: 'notifications/cancelled', params: { requestId: 1 } }),
    await session.fetch('POST', { id: 0, result: {} }),
    await session.fetch('GET'),
    await session.fetch('GET', undefined, { 'last-event-id': '~1' }),
    await session.fetch('GET', undefined, { 'last-event-id': 'a-request~1' }),
    await session.fetch('DELETE'),
  ];
  for (const { body } of answers) await body?.cancel();
  return answers.map(({ status }) => status);
}
const NOWHERE = Array.from({ length: 9 }, () => 404);

describe('a session', () => {
  test('is spoken to by its id, which tells nobody which object it is', async () => {
    const session = await begin();
    expect(await session.tools()).toContain('two_look');
    expect(await session.call('one_look', 'hello')).toMatch(/^look: hello in /);
    expect(session.id).not.toContain((await session.object()).id.toString());
  });

  test('goes on after its object was away, and no server is greeted twice', async () => {
    const session = await begin();
    const before = await session.call('one_look');
    await session.request('logging/setLevel', { level: 'error' });
    await session.request('resources/subscribe', { uri: 'mcp+one+file:///readme' });
    const greeted = one.methods().filter((method) => method === 'initialize').length;
    for (let time = 0; time < 2; time++) {
      await evictDurableObject(await session.object());
      expect(await session.call('one_look')).toBe(before);
    }
    expect(one.methods().filter((method) => method === 'initialize')).toHaveLength(greeted);
    const stored = await storedBy(session);
    expect(stored.session).toMatchObject([{ log_level: 'error' }]);
    expect(stored.subscriptions).toMatchObject([{ server: 'one', uri: 'file:///readme' }]);
  });

  test('never asks its client by an id that it used before it was away', async () => {
    const session = await begin({ elicitation: {} });
    const ask = async () => {
      const stream = await session.open('tools/call', { name: 'one_ask', arguments: { text: 'Which?' } });
      const { message } = await stream.said('elicitation/create');
      return { id: message.id, stream };
    };
    const lost = await ask();
    await session.post({ id: lost.id, result: { action: 'decline' } });
    await lost.stream.until(({ message }) => message.result !== undefined);
    await evictDurableObject(await session.object());
    const asked = await ask();
    expect(asked.id).not.toBe(lost.id);
    await session.post({ id: lost.id, result: { action: 'accept', content: { word: 'late' } } });
    await session.post({ id: asked.id, result: { action: 'accept', content: { word: 'right' } } });
    const { message } = await asked.stream.until(({ message }) => message.result !== undefined);
    expect(message.result).toMatchObject({ content: [{ text: 'accept: right' }] });
  });

  test("is nowhere for another user, for another client of the same user, and by an id that isn't one", async () => {
    const session = await begin();
    const stream = await session.listen();
    const objects = (await listDurableObjectIds(env.MCP_SESSION)).length;
    expect(await statuses(session.with(bob as Connected))).toEqual(NOWHERE);
    const other = await connectMerged(gate, ['one'], {
      browser: (ada as Connected).browser,
      client: await registerClient({ client_name: 'Another' }, gate),
    });
    expect(await statuses(session.with(other))).toEqual(NOWHERE);
    const made = await session.fetch('POST', { id: 1, method: 'ping' }, { 'mcp-session-id': 'made-up' });
    expect(made.status).toBe(404);
    const bare = (await session.object()).id.toString();
    const guessed = await session.fetch('POST', { id: 1, method: 'ping' }, { 'mcp-session-id': bare });
    expect(guessed.status).toBe(404);
    expect(await listDurableObjectIds(env.MCP_SESSION)).toHaveLength(objects);
    expect(stream.ended).toBe(false);
    expect(await session.call('one_look')).toMatch(/^look/);
    await stream.leave();
  });

  test('stays when its client comes back with a token for more', async () => {
    const session = await begin();
    const call = () =>
      session.fetch('POST', { id: 1, method: 'tools/call', params: { name: 'one_erase', arguments: {} } });
    const refused = await call();
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('mcp:destructive');
    const { browser, client } = ada as Connected;
    const more = await connectMerged(gate, ['one', 'two'], { browser, client, scope: ['mcp:destructive'] });
    const behind = one.sessions();
    expect(await session.with(more).call('one_erase')).toBe('gone');
    expect(one.sessions()).toEqual(expect.arrayContaining(behind));
    expect((await call()).status).toBe(403);
  });

  test('of one user and of another have sessions of their own at the same server', async () => {
    const [mine, yours] = [await begin(), await InSession.begin(bob as Connected)];
    const [first, second] = [await mine.call('one_look'), await yours.call('one_look')];
    expect(first).not.toBe(second);
    await yours.end();
    expect(await mine.call('one_look')).toBe(first);
  });

  test('that could not begin leaves nothing behind', async () => {
    const before = (await listDurableObjectIds(env.MCP_SESSION)).map(String);
    const message = { id: 1, method: 'initialize', params: { protocolVersion: 7 } };
    const session = (await begin()).with(ada as Connected);
    const answer = await session.fetch('POST', message, { 'mcp-session-id': '', accept: 'text/html' });
    expect(answer.status).toBe(406);
    const made = (await listDurableObjectIds(env.MCP_SESSION)).filter((id) => !before.includes(String(id)));
    const stored = await Promise.all(made.map((id) => storedIn(env.MCP_SESSION.get(id))));
    expect(stored.filter((tables) => Object.keys(tables).length > 0)).toHaveLength(1);
  });
});

describe('a session that ends', () => {
  test('by its client ends those on the servers behind, and stores nothing more', async () => {
    const session = await begin();
    const stream = await session.listen();
    await session.call('one_look');
    const behind = one.sessions();
    expect(await session.end()).toBe(204);
    expect(one.sessions().length).toBe(behind.length - 1);
    await stream.end();
    expect(await storedBy(session)).toEqual({});
    expect(await statuses(session)).toEqual(NOWHERE);
  });

  test('is nowhere ever after, and asking for it leaves nothing', async () => {
    const session = await begin();
    await session.end();
    await evictDurableObject(await session.object());
    expect(await statuses(session)).toEqual(NOWHERE);
    expect(await storedBy(session)).toEqual({});
  });

  test('ends when nobody used it for as long as the settings say, not a second before', async () => {
    stopClock();
    const session = await begin();
    await session.call('one_look');
    const behind = one.sessions().length;
    const object = await session.object();
    pass(80_000);
    expect(await session.call('one_look')).toMatch(/^look/);
    pass(86_399);
    await runDurableObjectAlarm(object);
    expect((await storedBy(session)).session).toHaveLength(1);
    pass(1);
    await runDurableObjectAlarm(object);
    expect(await storedBy(session)).toEqual({});
    expect(one.sessions().length).toBe(behind - 1);
    expect(await statuses(session)).toEqual(NOWHERE);
  });

  test('does not while a stream is open, whether its object is awake or not', async () => {
    stopClock();
    const session = await begin();
    const stream = await session.listen();
    const object = await session.object();
    for (let day = 0; day < 3; day++) {
      pass(90_000);
      await evictDurableObject(object);
      expect(await runDurableObjectAlarm(object)).toBe(true);
    }
    expect(stream.ended).toBe(false);
    await stream.leave();
    expect(await eventually(async () => (await sockets(session)) === 0)).toBe(true);
    pass(86_400 * 2);
    await runDurableObjectAlarm(object);
    expect(await storedBy(session)).toEqual({});
  });
});

async function sockets(session: InSession): Promise<number> {
  return runInDurableObject(await session.object(), (_, state) => state.getWebSockets().length);
}

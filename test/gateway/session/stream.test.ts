import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Connected } from '../../fixtures/mcp-server';
import {
  connectMerged,
  deploy,
  EventStream,
  eventually,
  InSession,
  TOOLS_CHANGED,
} from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';

const one = sessionServer();
const two = sessionServer({ resumable: true });
const gate = deploy({ one: { behind: one }, two: { behind: two } });
let ada: Connected;
beforeAll(async () => {
  ada = await connectMerged(gate, ['one', 'two']);
});

const logged = (n: number) => (event: { message: { params?: Record<string, unknown> } }) =>
  event.message.params?.data === `log ${n}`;
const dataOf = (stream: EventStream) => stream.events.map(({ message }) => message.params?.data);

/** A session whose own stream is open, and which the server tells things. */
async function listening(to = one) {
  const session = await InSession.begin(ada);
  const stream = await session.listen();
  await session.call(to === one ? 'one_look' : 'two_look');
  expect(await eventually(() => to.listeners() === 1)).toBe(true);
  return { session, stream };
}

async function sockets(session: InSession): Promise<number> {
  return runInDurableObject(await session.object(), (_, state) => state.getWebSockets().length);
}

describe("a client's own stream", () => {
  test('goes on where it was left, with its object evicted and events in between: none twice, none lost', async () => {
    const { session, stream } = await listening();
    for (let n = 0; n < 5; n++) await one.log('error', `log ${n}`);
    await stream.until(logged(4));
    const [, , third] = stream.events;
    await stream.leave();
    expect(await eventually(async () => (await sockets(session)) === 0)).toBe(true);
    await evictDurableObject(await session.object());
    const again = await session.listen(third?.id);
    await again.until(logged(4));
    expect(dataOf(again)).toEqual(['log 3', 'log 4']);
    expect(again.events.map(({ id }) => id)).toEqual(stream.events.slice(3).map(({ id }) => id));
    expect(await eventually(() => one.listeners() === 1)).toBe(true);
    await evictDurableObject(await session.object());
    await one.log('error', 'log 5');
    await again.until(logged(5));
    expect(dataOf(again)).toEqual(['log 3', 'log 4', 'log 5']);
    await again.leave();
  });

  test('brings nothing of before when it is opened without an event to go on from', async () => {
    const { session, stream } = await listening();
    await one.log('error', 'log 0');
    await stream.until(logged(0));
    await stream.leave();
    const again = await session.listen();
    expect(await eventually(() => one.listeners() === 1)).toBe(true);
    await one.log('error', 'log 1');
    await again.until(logged(1));
    expect(dataOf(again)).toEqual(['log 1']);
    await again.leave();
  });

  test('that is opened again replaces the one before, while events keep coming: none twice, none lost', async () => {
    const { session, stream } = await listening(two);
    const numbers = Array.from({ length: 40 }, (_, n) => n);
    const telling = (async () => {
      for (const n of numbers) {
        await two.log('error', `log ${n}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await stream.until(logged(10));
    // The client takes what it has read for all there is, and comes back.
    const read = stream.events.slice();
    const again = await session.listen(stream.lastId);
    await telling;
    await stream.end();
    await again.until(logged(39));
    const seen = [...read, ...again.events].map(({ message }) => message.params?.data);
    expect(seen).toEqual(numbers.map((n) => `log ${n}`));
    expect(await sockets(session)).toBe(1);
    await again.leave();
  });

  test('has nothing of the answers to calls, and those nothing of it', async () => {
    const { session, stream } = await listening();
    const call = await session.open('tools/call', { name: 'one_look', arguments: {} });
    await call.until(({ message }) => message.result !== undefined);
    await one.changeTools();
    await stream.said(TOOLS_CHANGED);
    expect(stream.events).toHaveLength(1);
    expect(call.events).toHaveLength(1);
    await stream.leave();
  });

  test('is refused to who does not read events, and the one that is open stays', async () => {
    const { session, stream } = await listening();
    const refused = await session.fetch('GET', undefined, { accept: 'application/json' });
    expect(refused.status).toBe(405);
    expect(await sockets(session)).toBe(1);
    expect(stream.ended).toBe(false);
    await stream.leave();
  });

  test("stops listening to the servers when it is left, and the session's object holds no socket", async () => {
    const { session, stream } = await listening();
    await stream.leave();
    expect(await eventually(() => one.listeners() === 0)).toBe(true);
    expect(await eventually(async () => (await sockets(session)) === 0)).toBe(true);
  });
});

describe("a request's stream", () => {
  test('is gone back to: the answer that came meanwhile is there, once', async () => {
    const { session, stream: own } = await listening();
    await own.leave();
    const cut = await session.open('tools/call', { name: 'one_wait', arguments: { text: 'long' } });
    expect(await eventually(() => cut.lastId !== '' && one.waiting() === 1)).toBe(true);
    await cut.leave();
    one.release();
    const again = new EventStream(await session.fetch('GET', undefined, { 'last-event-id': cut.lastId }));
    const { id, message } = await again.until(({ message: { result } }) => result !== undefined);
    expect(message.result).toMatchObject({ content: [{ text: 'waited: long' }] });
    await again.end();
    const after = new EventStream(await session.fetch('GET', undefined, { 'last-event-id': id }));
    await after.end();
    expect(after.events).toEqual([]);
  });

  test('is gone back to before anybody noticed that it broke: the newer takes its place', async () => {
    const session = await InSession.begin(ada);
    const broken = await session.open('tools/call', { name: 'one_wait', arguments: { text: 'on' } });
    expect(await eventually(() => broken.lastId !== '' && one.waiting() === 1)).toBe(true);
    const again = new EventStream(await session.fetch('GET', undefined, { 'last-event-id': broken.lastId }));
    expect(again.response.status).toBe(200);
    one.release();
    const { message } = await again.until(({ message: { result } }) => result !== undefined);
    expect(message.result).toMatchObject({ content: [{ text: 'waited: on' }] });
    await Promise.all([again.end(), broken.end()]);
    expect(broken.events).toEqual([]);
  });

  test('whose object was stopped in the middle answers that it was, so that nobody waits for ever', async () => {
    const session = await InSession.begin(ada);
    await session.call('one_look');
    const cut = await session.open('tools/call', { name: 'one_wait', arguments: {} });
    expect(await eventually(() => cut.lastId !== '' && one.waiting() === 1)).toBe(true);
    const object = await session.object();
    const killed = runInDurableObject(object, (_, state) => state.abort('the machine stops'));
    await expect(killed).rejects.toThrow('the machine stops');
    await cut.end();
    const again = new EventStream(await session.fetch('GET', undefined, { 'last-event-id': cut.lastId }));
    const { message } = await again.until(({ message: { error } }) => error !== undefined);
    expect(message).toMatchObject({ id: 2, error: { code: -32603 } });
    await again.end();
    const once = new EventStream(await session.fetch('GET', undefined, { 'last-event-id': cut.lastId }));
    await once.end();
    expect(once.events).toHaveLength(1);
    expect(await session.call('one_look')).toMatch(/^look/);
    one.release();
  });
});

import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Connected, messageOf } from '../../fixtures/mcp-server';
import { connectMerged, deploy, EventStream, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { narrowed, scopeOf, type Tokened } from '../../fixtures/mcp-tokens';

/* What a session sends, keeps and asks for one token is not for another that may do less. */

const one = sessionServer();
const two = sessionServer();
const setting = { auth: 'identity' };
const gate = deploy(
  { one: { behind: one, setting }, two: { behind: two, setting } },
  {
    UNAUTHENTICATED: 'authorize_tool',
    ROLES: [
      { role: 'owner', provider: 'local', groups: ['staff'] },
      { role: 'viewer', provider: 'local', groups: ['guests'] },
    ],
  },
);
const STAFF = { name: 'Event A', groups: 'staff' };

let wide: Connected;
/** Of the same grant, by exchange. */
let narrow: Tokened;
/** Of another grant of the same client, without the second server. */
let fewer: Connected;
beforeAll(async () => {
  wide = await connectMerged(gate, ['one', 'two'], { user: STAFF });
  narrow = await narrowed(wide);
  fewer = await connectMerged(gate, ['one'], { browser: wide.browser, client: wide.client });
});
beforeEach(() => {
  one.received.length = 0;
  two.received.length = 0;
});
const streams: EventStream[] = [];
afterEach(async () => {
  await Promise.all(streams.splice(0).map((stream) => stream.leave()));
});

const begin = (as: Tokened = wide) => InSession.begin(as, { elicitation: {} });
async function listening(session: InSession, lastId?: string): Promise<EventStream> {
  const stream = await session.listen(lastId);
  streams.push(stream);
  return stream;
}
/** Long enough for what would be told to have come. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 200));
const goBack = (session: InSession, lastEventId: string) =>
  session.fetch('GET', undefined, { 'last-event-id': lastEventId });
const ask = (session: InSession, tool: string, text: string) =>
  session.open('tools/call', { name: tool, arguments: { text } });
const answered = async (stream: EventStream) =>
  JSON.stringify((await stream.until(({ message }) => Boolean(message.result ?? message.error))).message);
const reply = (session: InSession, id: unknown, word: string) =>
  session.post({ id, result: { action: 'accept', content: { word } } });

describe('the answer to a call', () => {
  test.each([
    ['narrower by exchange', () => narrow],
    ['of another grant without that server', () => fewer],
  ])(
    'is not gone back to with a token that is %s, before it comes or after, nor after a restart',
    async (_, lower) => {
      const session = await begin();
      const call = await ask(session, 'two_wait', 'secret');
      expect(await eventually(() => call.lastId !== '' && two.waiting() === 1)).toBe(true);
      const first = call.lastId;
      expect((await goBack(session.with(lower()), first)).status).toBe(405);
      two.release();
      expect(await answered(call)).toContain('waited: secret');
      expect((await goBack(session.with(lower()), first)).status).toBe(405);
      await evictDurableObject(await session.object());
      expect((await goBack(session.with(lower()), first)).status).toBe(405);
      const own = new EventStream(await goBack(session, first));
      expect(await answered(own)).toContain('waited: secret');
    },
  );

  test('of a narrow token can be resumed with the wide one, after the client was allowed more', async () => {
    const session = await begin(narrow);
    const call = await ask(session, 'one_wait', 'on');
    expect(await eventually(() => call.lastId !== '' && one.waiting() === 1)).toBe(true);
    await call.leave();
    one.release();
    const again = new EventStream(await goBack(session.with(wide), call.lastId));
    expect(await answered(again)).toContain('waited: on');
  });

  test('is given to each of two that number it alike, and cancelling ends one’s own', async () => {
    const session = await begin();
    const [high, low] = [session.with(wide), session.with(narrow)];
    const calls = [await ask(high, 'one_wait', 'wide'), await ask(low, 'one_wait', 'narrow')];
    expect(await eventually(() => one.waiting() === 2)).toBe(true);
    expect(low.lastId).toBe(high.lastId);
    await low.post({ method: 'notifications/cancelled', params: { requestId: low.lastId } });
    expect(await eventually(() => one.methods().includes('notifications/cancelled'))).toBe(true);
    one.release();
    expect(await answered(calls[0] as EventStream)).toContain('waited: wide');
    await calls[1]?.leave();
  });

  test('is not taken back by a token that may do less than the one that called', async () => {
    const session = await begin();
    const call = await ask(session, 'one_wait', 'wide');
    expect(await eventually(() => one.waiting() === 1)).toBe(true);
    await session
      .with(narrow)
      .post({ method: 'notifications/cancelled', params: { requestId: session.lastId } });
    await aWhile();
    expect(one.methods()).not.toContain('notifications/cancelled');
    one.release();
    expect(await answered(call)).toContain('waited: wide');
  });
});

describe('what a server asks in a call', () => {
  test.each(['one_ask', 'one_ask-aside'])('by %s is not for a narrower token to answer', async (tool) => {
    const session = await begin();
    const own = await listening(session.with(narrow));
    await session.call('one_look');
    expect(await eventually(() => one.listeners() > 0)).toBe(true);
    const call = await ask(session, tool, 'Delete all?');
    const { message } = await call.said('elicitation/create');
    expect(await reply(session.with(narrow), message.id, 'by the narrow one')).toBe(202);
    await aWhile();
    expect(JSON.stringify(own.events)).not.toContain('Delete all?');
    await reply(session, message.id, 'by its own');
    expect(await answered(call)).toContain('accept: by its own');
    const answers = one.received.filter((request) => messageOf(request).method === undefined && request.text);
    expect(answers.map(scopeOf)).toEqual(['mcp:read mcp:write mcp:destructive']);
  });

  test('or says on its own stream comes on that of a call that may know of it, not of the latest', async () => {
    const session = await begin();
    await listening(session);
    await session.call('one_look');
    expect(await eventually(() => one.listeners() > 0)).toBe(true);
    const calls = [await ask(session, 'one_wait', 'wide')];
    expect(await eventually(() => one.waiting() === 1)).toBe(true);
    calls.push(await ask(session.with(narrow), 'one_wait', 'narrow'));
    expect(await eventually(() => one.waiting() === 2)).toBe(true);
    await one.log('error', 'about the wide one');
    await calls[0]?.until(({ message }) => message.params?.data === 'about the wide one');
    one.release();
    for (const call of calls) await answered(call);
    expect(JSON.stringify(calls[1]?.events)).not.toContain('about the wide one');
  });
});

describe('a client’s own stream', () => {
  test('is listened to in the name of who opened it, whatever the others call meanwhile', async () => {
    const session = await begin();
    const own = await listening(session.with(narrow));
    await session.call('one_look');
    expect(await eventually(() => one.listeners() > 0)).toBe(true);
    const opened = one.received.filter(({ method }) => method === 'GET');
    expect(opened.map(scopeOf)).toEqual(['mcp:read']);
    await one.log('error', 'for both');
    await own.until(({ message }) => message.params?.data === 'for both');
  });

  test('says nothing of a server that its token may not know, live or when it is gone back to', async () => {
    const session = await begin();
    const high = await listening(session);
    await session.call('one_look');
    await session.call('two_look');
    expect(await eventually(() => one.listeners() > 0 && two.listeners() > 0)).toBe(true);
    const [before] = [high.lastId || '~0'];
    await two.log('error', 'of the second');
    await high.until(({ message }) => message.params?.data === 'of the second');
    const low = await listening(session.with(fewer), before);
    await session.call('two_look');
    await two.log('error', 'of the second again');
    await two.changeTools();
    await one.log('error', 'of the first');
    await low.until(({ message }) => message.params?.data === 'of the first');
    await aWhile();
    const said = low.events.map(({ message }) => message.params?.data).filter(Boolean);
    expect(said).toEqual(['of the first']);
    expect(two.listeners()).toBe(0);
  });

  test('says nothing of a resource that only a token watches which may do more', async () => {
    const session = await begin();
    const uri = 'mcp+one+file:///readme';
    await session.request('resources/subscribe', { uri });
    const low = await listening(session.with(narrow));
    await session.call('one_look');
    expect(await eventually(() => one.listeners() > 0)).toBe(true);
    await one.touch('file:///readme');
    await one.log('error', 'after that');
    await low.until(({ message }) => message.params?.data === 'after that');
    expect(low.count('notifications/resources/updated')).toBe(0);
    await session.with(narrow).request('resources/subscribe', { uri });
    await one.touch('file:///readme');
    await low.said('notifications/resources/updated');
  });
});

test('tokens that alternate are no news to each other each time', async () => {
  const session = await begin();
  const own = await listening(session);
  for (let n = 0; n < 4; n++) {
    await session.with(narrow).request('ping');
    await session.request('ping');
  }
  await aWhile();
  expect(own.count('notifications/tools/list_changed')).toBe(1);
});

test('a question is no longer answered with a token whose role was lowered since it was asked', async () => {
  const user = { name: 'Event B', groups: 'staff' };
  const bea = await connectMerged(gate, ['one'], { user });
  const session = await begin(bea);
  const call = await ask(session, 'one_ask', 'Delete all?');
  const { message } = await call.said('elicitation/create');
  await connectMerged(gate, ['one'], { user: { name: 'Event B', groups: 'guests' } });
  await reply(session, message.id, 'as a guest');
  await aWhile();
  expect(one.received.filter((request) => request.text && messageOf(request).method === undefined)).toEqual(
    [],
  );
  await call.leave();
});

test('a session without a credential that was one person’s is nobody’s and no other’s after that', async () => {
  const nobody = { gate, tokens: { access_token: '' }, client: { client_id: '' } } as Tokened;
  const session = await InSession.begin(nobody);
  expect(await session.tools()).toEqual(['authorize']);
  const object = await session.object();
  await runInDurableObject(object, (_, { storage }) => {
    const principal = JSON.stringify({ user: { id: 'somebody' }, identity: { groups: [] } });
    storage.sql.exec('UPDATE session SET principal = ?', principal);
  });
  expect((await session.fetch('POST', { id: 2, method: 'tools/list' })).status).toBe(404);
  expect((await session.fetch('GET')).status).toBe(404);
});

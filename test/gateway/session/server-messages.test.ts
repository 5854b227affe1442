import { evictDurableObject } from 'cloudflare:test';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Connected, messageOf } from '../../fixtures/mcp-server';
import { connectMerged, deploy, type EventStream, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';

const one = sessionServer();
const two = sessionServer();
const gate = deploy({ one: { behind: one }, two: { behind: two } });
let [ada, bob]: Connected[] = [];
beforeAll(async () => {
  ada = await connectMerged(gate, ['one', 'two']);
  bob = await connectMerged(gate, ['one', 'two'], { user: { name: 'Bob' } });
});
beforeEach(() => {
  one.received.length = 0;
});

const CAN = { elicitation: {} };
const begin = (as = ada) => InSession.begin(as as Connected, CAN);
const answerOf = async (stream: EventStream) => {
  const { message } = await stream.until(({ message: { result, error } }) => Boolean(result ?? error));
  return message.result?.content;
};
const ask = (session: InSession, tool: string, text: string) =>
  session.open('tools/call', { name: tool, arguments: { text } });
const reply = (session: InSession, id: unknown, word: string) =>
  session.post({ id, result: { action: 'accept', content: { word } } });

/** How often a method reached the first server since the test began. */
const times = (method: string) => one.methods().filter((said) => said === method).length;

describe('what a server asks', () => {
  test('comes to the client whose call it is of, with two clients and two calls of each at once', async () => {
    const sessions = [await begin(), await begin(), await begin(bob)];
    const asked = await Promise.all(
      sessions.flatMap((session, index) =>
        ['x', 'y'].map(async (call) => {
          const text = `${index}${call}`;
          const stream = await ask(session, 'one_ask', text);
          const { message } = await stream.said('elicitation/create');
          return { session, stream, text, message };
        }),
      ),
    );
    for (const { message, text, session } of asked.reverse()) {
      expect(message.params?.message).toBe(text);
      await reply(session, message.id, `for ${text}`);
    }
    for (const { stream, text } of asked) {
      expect(await answerOf(stream)).toEqual([{ type: 'text', text: `accept: for ${text}` }]);
    }
  });

  test('on its own stream comes on that of the call that it is at, and the answer finds its way back', async () => {
    const session = await begin();
    const own = await session.listen();
    await session.call('one_look');
    expect(await eventually(() => one.listeners() === 1)).toBe(true);
    const stream = await ask(session, 'one_ask-aside', 'Which?');
    const { message } = await stream.said('elicitation/create');
    await reply(session, message.id, 'that one');
    expect(await answerOf(stream)).toEqual([{ type: 'text', text: 'accept: that one' }]);
    expect(own.events).toEqual([]);
    await own.leave();
  });

  test('is not answered by another session of the same user, nor by a made-up answer', async () => {
    const [session, other] = [await begin(), await begin()];
    const stream = await ask(session, 'one_ask', 'Which?');
    const { message } = await stream.said('elicitation/create');
    await reply(other, message.id, 'not mine');
    await reply(session, Number(message.id) + 1, 'made up');
    expect(await reply(session.with(bob as Connected), message.id, 'not mine either')).toBe(404);
    await reply(session, message.id, 'mine');
    expect(await answerOf(stream)).toEqual([{ type: 'text', text: 'accept: mine' }]);
  });

  test.each([
    ['one_sample', 'sampling/createMessage', 'its model', 'its model'],
    ['one_roots', 'roots/list', 'file:///home', 'file:///home'],
  ])('by %s is answered by the client', async (tool, method, given, result) => {
    const session = await InSession.begin(ada as Connected, { sampling: {}, roots: {} });
    const stream = await ask(session, tool, 'Well?');
    const { message } = await stream.said(method);
    const content = { type: 'text', text: given };
    const answers: Record<string, object> = {
      'sampling/createMessage': { model: 'a-model', role: 'assistant', content },
      'roots/list': { roots: [{ uri: given, name: 'Home' }] },
    };
    await session.post({ id: message.id, result: answers[method] });
    expect(JSON.stringify(await answerOf(stream))).toContain(result);
  });

  test('that its client can’t handle is reported to the server', async () => {
    const session = await InSession.begin(ada as Connected);
    expect(await session.call('one_ask')).toContain('does not support');
  });
});

describe('a server behind', () => {
  test('gets no request id twice in its session, although the object was away in between', async () => {
    const session = await begin();
    await session.call('one_look');
    await evictDurableObject(await session.object());
    await session.call('one_look');
    const sent = one.received.flatMap((request) => {
      const { id, method } = messageOf(request);
      return method === undefined || id === undefined
        ? []
        : [`${request.headers.get('mcp-session-id')} ${id}`];
    });
    expect(sent.length).toBeGreaterThan(2);
    expect(new Set(sent).size).toBe(sent.length);
  });

  test('that lost the session is initialized again, once, with what the client wanted', async () => {
    const session = await begin();
    await session.request('logging/setLevel', { level: 'error' });
    const lost = await session.call('one_look');
    await session.request('resources/subscribe', { uri: 'mcp+one+file:///readme' });
    one.forget();
    one.received.length = 0;
    const [first, second] = await Promise.all([session.call('one_look'), session.call('one_look')]);
    expect(first).toMatch(/^look/);
    expect(first).not.toBe(lost);
    expect(second).toBe(first);
    expect(times('initialize')).toBe(1);
    expect(times('logging/setLevel')).toBe(1);
    expect(times('resources/subscribe')).toBe(1);
    expect(one.sessions()).toHaveLength(1);
  });

  test('that lost it while nobody called is initialized again when its stream says so', async () => {
    const session = await begin();
    const stream = await session.listen();
    await session.call('one_look');
    expect(await eventually(() => one.listeners() === 1)).toBe(true);
    one.forget();
    one.hangUp();
    await stream.said('notifications/tools/list_changed');
    expect(await session.call('one_look')).toMatch(/^look/);
    expect(await eventually(() => one.listeners() === 1)).toBe(true);
    await one.log('error', 'heard again');
    expect((await stream.said('notifications/message')).message.params).toMatchObject({
      data: 'heard again',
    });
    await stream.leave();
  });

  test('gets the log level that was set before it was first called', async () => {
    const session = await begin();
    await session.request('logging/setLevel', { level: 'error' });
    expect(times('logging/setLevel')).toBe(0);
    const stream = await session.listen();
    await session.call('one_look');
    expect(times('logging/setLevel')).toBe(1);
    expect(await eventually(() => one.listeners() > 0)).toBe(true);
    await one.log('debug', 'too much');
    await one.log('error', 'enough');
    expect((await stream.said('notifications/message')).message.params).toMatchObject({ data: 'enough' });
    await stream.leave();
  });

  test('no longer gets subscriptions that the client ended, after the object was away', async () => {
    const session = await begin();
    const uri = 'mcp+one+file:///readme';
    await session.request('resources/subscribe', { uri });
    await evictDurableObject(await session.object());
    await session.request('resources/unsubscribe', { uri });
    one.forget();
    one.received.length = 0;
    await session.call('one_look');
    expect(times('resources/subscribe')).toBe(0);
  });
});

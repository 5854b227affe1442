import { evictAllDurableObjects, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { Account, McpSession } from '../../../src';
import { SessionStore } from '../../../src/gateway/session/store';
import { connectMerged, deploy, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';

const one = sessionServer();
const gate = deploy({ one: { behind: one } });
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** As the runtime calls them: each is a request that is billed, or an alarm. */
const WAYS_IN = ['fetch', 'webSocketMessage', 'webSocketClose', 'alarm'] as const;

/** Counts how often objects are woken, by class and way. */
function countWakes(): () => Record<string, number> {
  const spies = [
    ...WAYS_IN.map((way) => [`McpSession.${way}`, vi.spyOn(McpSession.prototype, way)] as const),
    ['McpSession.handle', vi.spyOn(McpSession.prototype, 'handle')] as const,
    ['Account.fetch', vi.spyOn(Account.prototype, 'fetch')] as const,
    ['Account.alarm', vi.spyOn(Account.prototype, 'alarm')] as const,
    ['Account.standing', vi.spyOn(Account.prototype, 'standing')] as const,
    ['Account.authenticate', vi.spyOn(Account.prototype, 'authenticate')] as const,
  ];
  return () => {
    const counted = spies.map(([name, { mock }]) => [name, mock.calls.length] as const);
    return Object.fromEntries(counted.filter(([, count]) => count > 0));
  };
}

const SESSIONS = 10;
/** docs/storage.md, "What a session costs". */
const ROWS = { tables: 23, request: 5, greeting: 1, notification: 1, event: 1 };

test('idle sessions with open streams wake no object in an hour, and get what happens after it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const ada = await connectMerged(gate, ['one']);
  const streams = [];
  for (let n = 0; n < SESSIONS; n++) {
    const session = await InSession.begin(ada);
    streams.push(await session.listen());
    await session.call('one_look');
  }
  expect(await eventually(() => one.listeners() === SESSIONS)).toBe(true);
  await evictAllDurableObjects();
  const wakes = countWakes();
  for (let minute = 0; minute < 60; minute++) {
    vi.advanceTimersByTime(60_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(wakes()).toEqual({});
  expect(streams.filter(({ ended }) => ended)).toEqual([]);
  // It was alive all the time: a comment every 15 s.
  expect(streams.map(({ comments }) => comments)).toEqual(Array.from({ length: SESSIONS }, () => 240));
  await one.log('error', 'after an hour');
  for (const stream of streams) await stream.said('notifications/message');
  // Each is woken by what it heard, and by nothing else.
  expect(wakes()).toEqual({ 'McpSession.webSocketMessage': SESSIONS });
  await Promise.all(streams.map((stream) => stream.leave()));
});

/** Counts the rows that are written through a storage. */
function countRows({ sql }: DurableObjectStorage): () => number {
  let written = 0;
  const exec = sql.exec.bind(sql);
  vi.spyOn(sql, 'exec').mockImplementation((query, ...bindings) => {
    const cursor = exec(query, ...bindings);
    written += cursor.rowsWritten;
    return cursor;
  });
  return () => written;
}

test('a session writes as many rows as docs/storage.md says', async () => {
  const ada = await connectMerged(gate, ['one']);
  const session = await InSession.begin(ada);
  const written = await runInDurableObject(await session.object(), (_, { storage }) => countRows(storage));
  const costOf = async (act: () => Promise<unknown>) => {
    const before = written();
    await act();
    return written() - before;
  };
  expect(await costOf(() => session.call('one_look'))).toBe(ROWS.request + ROWS.greeting);
  expect(await costOf(() => session.call('one_look'))).toBe(ROWS.request);
  expect(await costOf(() => session.post({ method: 'notifications/initialized' }))).toBe(ROWS.notification);
  const stream = await session.listen();
  expect(await eventually(() => one.listeners() === 1)).toBe(true);
  const logged = async () => {
    await one.log('error', 'an event');
    await stream.said('notifications/message');
  };
  expect(await costOf(logged)).toBe(ROWS.event);
  expect(await costOf(() => stream.leave())).toBe(0);
  const fresh = env.MCP_SESSION.get(env.MCP_SESSION.newUniqueId());
  await runInDurableObject(fresh, async (_, { storage }) => {
    await storage.deleteAll();
    const tables = countRows(storage);
    new SessionStore(storage, env);
    expect(tables()).toBe(ROWS.tables);
  });
});

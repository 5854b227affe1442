import { evictAllDurableObjects, runInDurableObject } from 'cloudflare:test';
import { afterEach, expect, test, vi } from 'vitest';
import { Account, McpSession } from '../../../src/index';
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
  const classes = { Account, McpSession };
  const spies = Object.entries(classes).flatMap(([name, { prototype }]) =>
    WAYS_IN.map((way) => [`${name}.${way}`, vi.spyOn(prototype, way)] as const),
  );
  const handle = ['McpSession.handle', vi.spyOn(McpSession.prototype, 'handle')] as const;
  const standing = ['Account.standing', vi.spyOn(Account.prototype, 'standing')] as const;
  return () => {
    const counted = [...spies, handle, standing].map(
      ([name, { mock }]) => [name, mock.calls.length] as const,
    );
    return Object.fromEntries(counted.filter(([, count]) => count > 0));
  };
}

const SESSIONS = 25;

test('idle sessions with open streams wake no object in an hour, and hear what happens after it', async () => {
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

test('what a session writes is what docs/storage.md says that it costs', async () => {
  const ada = await connectMerged(gate, ['one']);
  const session = await InSession.begin(ada);
  const object = await session.object();
  let written = 0;
  await runInDurableObject(object, (_, { storage }) => {
    const { sql } = storage;
    const exec = sql.exec.bind(sql);
    vi.spyOn(sql, 'exec').mockImplementation((query, ...bindings) => {
      const cursor = exec(query, ...bindings);
      written += cursor.rowsWritten;
      return cursor;
    });
  });
  const costOf = async (act: () => Promise<unknown>) => {
    const before = written;
    await act();
    return written - before;
  };
  expect(await costOf(() => session.request('ping'))).toBe(0);
});

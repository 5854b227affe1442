import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventLog, KEPT_EVENTS, KEPT_MS, type LoggedEvent } from '../../../src/gateway/session/log';
import { SessionStore } from '../../../src/gateway/session/store';
import { pass, startClock, stopClock } from '../../fixtures/clock';

beforeEach(stopClock);
afterEach(startClock);

const OWN = '_GET_stream';
const said = (data: number) => ({
  jsonrpc: '2.0' as const,
  method: 'notifications/message',
  params: { data },
});

/** A session's object, and what is done to its log each time that it is awake. */
function logged() {
  const stub = env.MCP_SESSION.get(env.MCP_SESSION.newUniqueId());
  const pushed: LoggedEvent[] = [];
  return {
    pushed,
    awake: <T>(act: (log: EventLog, sql: SqlStorage) => Promise<T>): Promise<T> =>
      runInDurableObject(stub, (_, { storage }) => {
        const log = new EventLog(storage.sql, new SessionStore(storage, env), (event) => pushed.push(event));
        return act(log, storage.sql);
      }),
    sleep: () => evictDurableObject(stub),
  };
}

async function replayed(log: EventLog, after: string): Promise<string[]> {
  const ids: string[] = [];
  await log.replayEventsAfter(after, {
    send: async (id, message) => {
      ids.push(`${id} ${JSON.stringify(message)}`);
    },
  });
  return ids;
}

describe('the log of a session', () => {
  test('keeps its last events and no more, and an id that went out never comes again', async () => {
    const { awake, sleep } = logged();
    const last = await awake(async (log, sql) => {
      for (let n = 1; n <= KEPT_EVENTS + 20; n++) await log.storeEvent(OWN, said(n));
      const { count } = sql.exec<{ count: number }>('SELECT count(*) AS count FROM events').one();
      expect(count).toBe(KEPT_EVENTS);
      expect(await log.missed('~1')).toHaveLength(KEPT_EVENTS);
      return log.storeEvent(OWN, said(0));
    });
    pass(KEPT_MS / 1_000 + 1);
    await sleep();
    await awake(async (log, sql) => {
      const next = await log.storeEvent(OWN, said(0));
      expect(Number(next.slice(1))).toBe(Number(last.slice(1)) + 1);
      expect(sql.exec('SELECT seq FROM events').toArray()).toHaveLength(1);
      expect(await log.missed(last)).toEqual([{ id: next, message: said(0) }]);
    });
  });

  test('forgets what is an hour old, and keeps what is a second less', async () => {
    const { awake } = logged();
    await awake(async (log) => {
      await log.storeEvent(OWN, said(1));
      pass(KEPT_MS / 1_000 - 1);
      await log.storeEvent(OWN, said(2));
      expect(await log.missed('~0')).toHaveLength(2);
      pass(2);
      await log.storeEvent(OWN, said(3));
      expect((await log.missed('~0')).map(({ id }) => id)).toEqual(['~2', '~3']);
    });
  });

  test('gives each stream what it missed and nothing of another, in order', async () => {
    const { awake, pushed } = logged();
    await awake(async (log) => {
      const ids = await Promise.all(
        ['a-request', OWN, 'another', OWN, 'a-request'].map((stream, n) => log.storeEvent(stream, said(n))),
      );
      expect(ids).toEqual(['a-request~1', '~2', 'another~3', '~4', 'a-request~5']);
      expect(await replayed(log, 'a-request~1')).toEqual([`a-request~5 ${JSON.stringify(said(4))}`]);
      expect(await replayed(log, 'a-request~5')).toEqual([]);
      expect((await log.missed('~2')).map(({ id }) => id)).toEqual(['~4']);
    });
    expect(pushed.map(({ id }) => id)).toEqual(['~2', '~4']);
  });

  test.each(['', '~', '1', 'x', '~1e3', '~-1', "~1' OR 1=1", 'a b~1', `~${'9'.repeat(16)}`])(
    'takes %j for no event at all',
    async (id) => {
      const { awake } = logged();
      await awake(async (log) => {
        await log.storeEvent('a-request', said(1));
        expect(await replayed(log, id)).toEqual([]);
        expect(EventLog.ofRequest(id)).toBe(false);
      });
    },
  );

  test('sends what is too long to keep, and takes its id all the same', async () => {
    const { awake, pushed } = logged();
    await awake(async (log) => {
      const huge = { ...said(1), params: { data: 'x'.repeat(1_500_000) } };
      await log.storeEvent(OWN, huge);
      await log.storeEvent(OWN, said(2));
      expect(pushed).toEqual([
        { id: '~1', message: huge },
        { id: '~2', message: said(2) },
      ]);
      expect((await log.missed('~0')).map(({ id }) => id)).toEqual(['~2']);
    });
  });

  test('stores no word of what it keeps in clear', async () => {
    const { awake } = logged();
    await awake(async (log, sql) => {
      await log.storeEvent(OWN, { ...said(1), params: { data: 'the salary of Ada' } });
      const [row] = sql.exec<{ message: string }>('SELECT message FROM events').toArray();
      expect(row?.message.length).toBeGreaterThan(50);
      expect(row?.message).not.toMatch(/salary|notifications/);
      expect(await log.missed('~0')).toHaveLength(1);
    });
  });
});

import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DAY_MS, dayOf, daysBetween } from '../../src/audit/days';
import type { AuditEntry } from '../../src/audit/event';
import { readFilter } from '../../src/audit/filter';
import { forgetInTrail, readTrail, readWholeTrail } from '../../src/audit/trail';
import { store } from '../../src/audit/writer';
import { parseSettings } from '../../src/config/settings';
import { entriesOf } from '../fixtures/trail';
import { callMcp, connect, gateWith } from '../fixtures/worker';

afterEach(() => {
  vi.restoreAllMocks();
});

const { settings } = parseSettings({});
const trail = { env, settings };
/** Some user id: entries of other tests are in the same objects. */
const someone = () => crypto.randomUUID().replaceAll('-', '');
const now = Date.now();

function entry(user: string, more: Partial<AuditEntry> = {}): AuditEntry {
  return { time: now, event: 'tool_call', outcome: 'ok', request_id: 'r', user, ...more };
}

async function page(filter: object, options: { limit: number; cursor?: string | undefined } = { limit: 50 }) {
  const read = await readTrail(trail, filter, options);
  if (!read.ok) throw new Error(read.error.reason);
  return read.value;
}

describe('the trail', () => {
  it('gives the latest first, over days, in pages that leave nothing out and repeat nothing', async () => {
    const user = someone();
    const times = [0, 0, 1, 1, 1, 5, 40].map((days) => now - days * DAY_MS);
    for (const [at, time] of times.entries()) await store(env, [entry(user, { time, tool: `t${at}` })]);
    const seen: (string | undefined)[] = [];
    let cursor: string | undefined;
    do {
      const part = await page({ user }, { limit: 2, cursor });
      expect(part.items.length).toBeLessThanOrEqual(2);
      seen.push(...part.items.map(({ tool }) => tool));
      ({ cursor } = part);
    } while (cursor !== undefined);
    expect(seen).toEqual(['t1', 't0', 't4', 't3', 't2', 't5', 't6']);
    const whole: (string | undefined)[] = [];
    for await (const items of readWholeTrail(trail, { user })) whole.push(...items.map(({ tool }) => tool));
    expect(whole).toEqual(seen);
  });

  it('finds by each field, and by all of them together', async () => {
    const user = someone();
    const client = `https://${someone()}.example/client`;
    await store(env, [
      entry(user, { user_name: 'Ada', user_email: `${user}@x.example`, tool: 'look', server: 'one' }),
      entry(user, { client, client_name: 'App', outcome: 'refused', reason: 'absent', tool: 'erase' }),
      entry(user, { event: 'consent', time: now - DAY_MS }),
    ]);
    const count = async (filter: object) => (await page({ user, ...filter })).items.length;
    expect(await count({})).toBe(3);
    for (const filter of [{ tool: 'look' }, { server: 'one' }, { client }, { reason: 'absent' }]) {
      expect(await count(filter)).toBe(1);
    }
    expect(await count({ outcome: 'ok' })).toBe(2);
    expect(await count({ event: 'consent', outcome: 'ok' })).toBe(1);
    expect(await count({ event: 'consent', tool: 'look' })).toBe(0);
    expect(await count({ from: now })).toBe(2);
    expect(await count({ to: now - 1 })).toBe(1);
    expect((await page({ user: `${user.toUpperCase()}@x.example` })).items).toMatchObject([
      { user: { id: user, name: 'Ada', email: `${user}@x.example` }, tool: 'look' },
    ]);
  });

  it('refuses a cursor that it did not give', async () => {
    for (const cursor of ['', 'x', '2026-01-01.x', '2026-01-01.1; DROP TABLE entries']) {
      expect(await readTrail(trail, {}, { limit: 1, cursor })).toMatchObject({ ok: false });
    }
  });

  it('forgets the name and the address of a user, and keeps what happened', async () => {
    const user = someone();
    await store(env, [entry(user, { user_name: 'Ada', user_email: 'ada@x.example', ip: '192.0.2.1' })]);
    await forgetInTrail(trail, user);
    const { items } = await page({ user });
    expect(items).toMatchObject([{ event: 'tool_call', user: { id: user } }]);
    expect(JSON.stringify(items)).not.toMatch(/Ada|ada@|192\.0/);
  });

  it('ends with its retention, a day at a time, and not before', async () => {
    const user = someone();
    const [old, fresh] = [now - 120 * DAY_MS, now - 85 * DAY_MS];
    await store(env, [entry(user, { time: old }), entry(user, { time: fresh })]);
    for (const time of [old, fresh]) await runDurableObjectAlarm(env.AUDIT_LOG.getByName(dayOf(time)));
    const kept = await env.AUDIT_LOG.getByName(dayOf(old)).query({ user }, { limit: 9 });
    expect(kept).toEqual([]);
    expect((await page({ user, from: fresh, to: fresh })).items).toHaveLength(1);
    // What is older than the setting isn't shown, even while its object is still there.
    const short = parseSettings({ AUDIT: { retention: 30 } }).settings;
    expect(await readTrail({ env, settings: short }, { user }, { limit: 9 })).toMatchObject({
      value: { items: [] },
    });
  });
});

describe('a filter', () => {
  it('reads days and times, the last day to its end', () => {
    const read = readFilter(new URLSearchParams('from=2026-01-02&to=2026-01-02&tool=&user=Ada'));
    const from = Date.UTC(2026, 0, 2);
    expect(read).toEqual({ ok: true, value: { from, to: from + DAY_MS - 1, user: 'Ada' } });
    const time = readFilter(new URLSearchParams('from=2026-01-02T01:00:00%2B01:00&to=2026-01-02T10:00'));
    expect(time).toMatchObject({ value: { from, to: from + 10 * 3_600_000 } });
  });

  it.each(['from=yesterday', 'to=1', 'outcome=perhaps', `tool=${'x'.repeat(3_000)}`])(
    'refuses %s',
    (query) => {
      expect(readFilter(new URLSearchParams(query))).toMatchObject({ error: { reason: 'filter_invalid' } });
    },
  );

  it('spans days across months', () => {
    const days = daysBetween(Date.UTC(2026, 1, 27, 23), Date.UTC(2026, 2, 2, 1));
    expect(days).toEqual(['2026-03-02', '2026-03-01', '2026-02-28', '2026-02-27']);
  });
});

describe('what a request records', () => {
  it('has who, by which app, what, and how it ended, and no secret', async () => {
    const { tokens, client } = await connect({ user: { name: 'Trail Ada', email: 'trail@x.example' } });
    await callMcp(tokens.access_token);
    const user = tokens.access_token.split(':')[0] ?? '';
    const items = await entriesOf({ user }, (found) => found.some(({ event }) => event === 'tool_call'));
    expect(items.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['sign_in', 'consent', 'token_issued', 'tool_call']),
    );
    const call = items.find(({ event }) => event === 'tool_call');
    expect(call).toMatchObject({
      outcome: 'ok',
      tool: 'whoami',
      user: { id: user, name: 'Trail Ada', email: 'trail@x.example' },
      client: { id: client.client_id, name: 'Test client' },
      grant: tokens.access_token.split(':')[1],
      request_id: expect.any(String),
    });
    const all = JSON.stringify(items);
    for (const secret of [tokens.access_token, tokens.refresh_token]) expect(all).not.toContain(secret);
  });

  it('has the address that it came from only where the settings ask for it', async () => {
    for (const ip_addresses of [true, false]) {
      const at = gateWith({ AUDIT: { ip_addresses }, SIGN_IN: { methods: ['key'] } });
      const headers = { 'cf-connecting-ip': '192.0.2.77', 'x-api-key': `not-a-key-${ip_addresses}` };
      const from = Date.now();
      await at.fetch('/mcp', { method: 'POST', headers, body: '{}' });
      const [item] = await entriesOf({ event: 'mcp_request', from });
      expect(item?.ip).toBe(ip_addresses ? '192.0.2.77' : undefined);
    }
  });
});

describe('strict mode', () => {
  const unreachable = {
    getByName: () => ({ append: () => Promise.reject(new Error('no such object')) }),
  };

  it('has each call in the trail before it is answered', async () => {
    const at = gateWith({ AUDIT: { mode: 'strict' } });
    const { tokens } = await connect({ gate: at, user: { name: 'Strict Ada' } });
    const user = tokens.access_token.split(':')[0] ?? '';
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(200);
    const { items } = await page({ user, event: 'tool_call' });
    expect(items).toHaveLength(1);
  });

  it('holds back the answer to a call that could not be recorded; background mode does not', async () => {
    const { tokens } = await connect({ user: { name: 'Unlucky Ada' } });
    const strict = gateWith({ AUDIT: { mode: 'strict' }, AUDIT_LOG: unreachable });
    const refused = await callMcp(tokens.access_token, { gate: strict });
    expect(JSON.stringify(refused.body)).toMatch(/could not be recorded/);
    expect(JSON.stringify(refused.body)).not.toContain('Unlucky');
    const background = gateWith({ AUDIT_LOG: unreachable });
    expect((await callMcp(tokens.access_token, { gate: background })).status).toBe(200);
  });
});

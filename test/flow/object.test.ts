import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { now, pass, startClock, stopClock } from '../fixtures/clock';

beforeEach(stopClock);
afterEach(startClock);

const SECRET = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

const refused = (reason: string) => ({ ok: false, error: { reason } });

/** A flow that was opened just now: 300 s untouched, 900 s in all. */
async function opened(name: string) {
  const flow = env.PENDING_FLOW.getByName(name);
  const times = { untouchedUntil: now() + 300, expiresAt: now() + 900 };
  await flow.open({ secretHash: SECRET, data: 'sealed data', ...times });
  return flow;
}

/** Stops an object as a crash does; returns it as it comes back. */
async function restart(name: string) {
  const killed = runInDurableObject(env.PENDING_FLOW.getByName(name), (_, state) => state.abort('stopped'));
  await expect(killed).rejects.toThrow('stopped');
  return env.PENDING_FLOW.getByName(name);
}

describe('a flow', () => {
  it('that nobody touched dies after TOKENS.request', async () => {
    const flow = await opened('untouched');
    pass(299);
    expect(await flow.look(SECRET, false)).toEqual({ ok: true, value: 'sealed data' });
    pass(1);
    expect(await flow.look(SECRET, false)).toEqual(refused('flow_expired'));
    expect(await flow.look(SECRET, true)).toEqual(refused('flow_expired'));
    expect(await flow.submit(SECRET)).toEqual(refused('flow_expired'));
  });

  it('that somebody touched lives to TOKENS.flow and no longer', async () => {
    const flow = await opened('touched');
    await flow.look(SECRET, true);
    pass(899);
    expect(await flow.look(SECRET, true)).toMatchObject({ ok: true });
    pass(1);
    expect(await flow.look(SECRET, true)).toEqual(refused('flow_expired'));
    expect(await flow.stage(SECRET, 'name', 'sealed')).toEqual(refused('flow_expired'));
  });

  it('is kept alive by what is staged in it too', async () => {
    const flow = await opened('staged');
    await flow.stage(SECRET, 'oidc', 'sealed');
    pass(600);
    expect(await flow.take(SECRET, 'oidc')).toEqual({ ok: true, value: 'sealed' });
  });

  it('is submitted once, however many try at the same moment', async () => {
    const flow = await opened('submitted');
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => flow.submit(SECRET)));
    expect(verdicts.filter(({ ok }) => ok)).toHaveLength(1);
    const lost = verdicts.filter(({ ok }) => !ok);
    expect(lost).toEqual(Array.from({ length: 19 }, () => refused('flow_submitted')));
  });

  it('that was submitted can do nothing any more, and says so until it expires', async () => {
    const flow = await opened('done');
    await flow.stage(SECRET, 'oidc', 'sealed');
    await flow.submit(SECRET);
    expect(await flow.look(SECRET, true)).toEqual(refused('flow_submitted'));
    expect(await flow.take(SECRET, 'oidc')).toEqual(refused('flow_submitted'));
    expect(await flow.stage(SECRET, 'oidc', 'sealed')).toEqual(refused('flow_submitted'));
    const kept = await runInDurableObject(flow, (_, { storage }) =>
      storage.sql.exec('SELECT * FROM staged').toArray(),
    );
    expect(kept).toEqual([]);
    pass(900);
    expect(await flow.look(SECRET, false)).toEqual(refused('flow_expired'));
  });

  it("is another browser's to nobody: looking, staging, taking and submitting are refused", async () => {
    const flow = await opened('other browser');
    await flow.stage(SECRET, 'oidc', 'sealed');
    expect(await flow.look(OTHER, true)).toEqual(refused('flow_other_browser'));
    expect(await flow.stage(OTHER, 'oidc', 'theirs')).toEqual(refused('flow_other_browser'));
    expect(await flow.take(OTHER, 'oidc')).toEqual(refused('flow_other_browser'));
    expect(await flow.submit(OTHER)).toEqual(refused('flow_other_browser'));
    expect(await flow.take(SECRET, 'oidc')).toEqual({ ok: true, value: 'sealed' });
    expect(await flow.submit(SECRET)).toEqual({ ok: true, value: null });
  });

  it("that is another browser's tells it nothing about how far it got", async () => {
    const flow = await opened('quiet');
    await flow.submit(SECRET);
    expect(await flow.look(OTHER, true)).toEqual(refused('flow_other_browser'));
  });

  it('hands out what was staged once, the newest, by its name', async () => {
    const flow = await opened('take');
    expect(await flow.take(SECRET, 'oidc')).toEqual({ ok: true, value: null });
    await flow.stage(SECRET, 'oidc', 'old');
    await flow.stage(SECRET, 'oidc', 'new');
    await flow.stage(SECRET, 'other', 'other');
    const taken = await Promise.all(Array.from({ length: 5 }, () => flow.take(SECRET, 'oidc')));
    expect(taken.map((verdict) => verdict.ok && verdict.value)).toEqual(['new', null, null, null, null]);
    expect(await flow.take(SECRET, 'other')).toEqual({ ok: true, value: 'other' });
  });

  it('holds two hundred things at a time, and no more are begun in it', async () => {
    const flow = await opened('much');
    for (let name = 0; name < 200; name++) await flow.stage(SECRET, `connect:${name}`, 'sealed');
    expect(await flow.stage(SECRET, 'one more', 'sealed')).toMatchObject(refused('flow_expired'));
    expect(await flow.stage(SECRET, 'connect:7', 'again')).toEqual({ ok: true, value: null });
    await flow.take(SECRET, 'connect:7');
    expect(await flow.stage(SECRET, 'one more', 'sealed')).toEqual({ ok: true, value: null });
  });

  it('outlives a restart with all that happened in it', async () => {
    await (await opened('restart')).stage(SECRET, 'oidc', 'sealed');
    const restarted = await restart('restart');
    pass(600);
    expect(await restarted.take(SECRET, 'oidc')).toEqual({ ok: true, value: 'sealed' });
    await restarted.submit(SECRET);
    expect(await (await restart('restart')).submit(SECRET)).toEqual(refused('flow_submitted'));
  });

  it('leaves nothing in storage at its end, and later calls answer that it expired', async () => {
    const flow = await opened('end');
    await flow.stage(SECRET, 'oidc', 'sealed');
    pass(900);
    expect(await runDurableObjectAlarm(flow)).toBe(true);
    const left = await runInDurableObject(flow, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(left).toEqual([]);
    for (const verdict of [
      await flow.look(SECRET, true),
      await flow.submit(SECRET),
      await flow.stage(SECRET, 'oidc', 'late'),
      await flow.take(SECRET, 'oidc'),
    ]) {
      expect(verdict).toEqual(refused('flow_expired'));
    }
    expect(await runDurableObjectAlarm(flow)).toBe(false);
  });
});

describe('what works once', () => {
  it('is claimed by the first of many, and by nobody after a restart', async () => {
    const once = env.PENDING_FLOW.getByName('once:jti');
    const claims = await Promise.all(Array.from({ length: 10 }, () => once.claim(now() + 60)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await (await restart('once:jti')).claim(now() + 60)).toBe(false);
  });

  it('is forgotten at its end', async () => {
    const once = env.PENDING_FLOW.getByName('once:forgotten');
    await once.claim(now() + 60);
    pass(60);
    expect(await runDurableObjectAlarm(once)).toBe(true);
    const left = await runInDurableObject(once, (_, { storage }) => storage.list());
    expect(left.size).toBe(0);
    expect(await once.claim(now() + 60)).toBe(true);
  });
});

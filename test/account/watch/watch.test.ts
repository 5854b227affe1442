import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchGrant } from '../../../src/account/watch/watch';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { eventually } from '../../fixtures/mcp-session';
import {
  type Authorized,
  accountOf,
  connect,
  grantIdOf,
  redeem,
  refresh,
  revoke,
  type Tokens,
} from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(startClock);

type Holder = Authorized & { tokens: Tokens };

/** How many sockets an account holds. */
function watchers(code: string): Promise<number> {
  return runInDurableObject(accountOf(code), (_, state) => state.getWebSockets().length);
}

/** Watches over a holder's grant, and what was heard. */
async function watched({ code }: Holder) {
  const heard: string[] = [];
  const [userId, grantId] = [code.split(':')[0] ?? '', grantIdOf(code)];
  const sockets = () => watchers(code);
  const before = await sockets();
  const stop = watchGrant(
    env,
    { userId, grantId },
    { changed: () => heard.push('changed'), ended: () => heard.push('ended') },
  );
  expect(await eventually(async () => (await sockets()) === before + 1)).toBe(true);
  return { heard, stop };
}

/** Long enough for what would be told to have come. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 60));

const WAYS: [string, (holder: Holder) => Promise<unknown>][] = [
  [
    'taken back on the account page',
    ({ browser, code }) => browser.visit(`/api/grants/${grantIdOf(code)}`, byPage('DELETE')),
  ],
  ['revoked by its client', (holder) => revoke(holder, holder.tokens.refresh_token)],
  [
    'ended by a replay',
    async (holder) => {
      const next = await refresh(holder, holder.tokens.refresh_token);
      await refresh(holder, String(next.body.refresh_token));
      pass(130);
      await refresh(holder, holder.tokens.refresh_token);
    },
  ],
  [
    'ended by its code being used again',
    async (holder) => {
      await refresh(holder, holder.tokens.refresh_token);
      pass(130);
      await redeem(holder);
    },
  ],
  [
    'past its end',
    async ({ code }) => {
      pass(31_536_001);
      await runDurableObjectAlarm(accountOf(code));
    },
  ],
];

function byPage(method: string): RequestInit {
  return { method, headers: { origin: 'http://localhost:8787' } };
}

describe('who holds a stream open for a grant', () => {
  test.each(WAYS)('hears that it is %s, once, and nobody else does', async (_, end) => {
    const holder = await connect();
    const other = await connect({ browser: holder.browser, user: { name: 'Ada' } });
    const [mine, others] = [await watched(holder), await watched(other)];
    await evictDurableObject(accountOf(holder.code));
    if (end === WAYS.at(-1)?.[1]) others.stop();
    await end(holder);
    expect(await eventually(() => mine.heard.length > 0)).toBe(true);
    await aWhile();
    expect(mine.heard).toEqual(['ended']);
    expect(others.heard).toEqual([]);
    mine.stop();
    others.stop();
  });

  test('is notified of a grant that has already ended', async () => {
    const holder = await connect();
    await revoke(holder, holder.tokens.refresh_token);
    const heard: string[] = [];
    const grant = { userId: holder.code.split(':')[0] ?? '', grantId: grantIdOf(holder.code) };
    const stop = watchGrant(env, grant, {
      changed: () => heard.push('changed'),
      ended: () => heard.push('ended'),
    });
    expect(await eventually(() => heard.length > 0)).toBe(true);
    expect(heard).toEqual(['ended']);
    stop();
  });

  test('is notified once when its user’s identity has changed, and not when a sign-in changes nothing', async () => {
    const user = { name: 'Groucho', groups: 'staff' };
    const holder = await connect({ user });
    const { heard, stop } = await watched(holder);
    await connect({ user });
    await aWhile();
    expect(heard).toEqual([]);
    await connect({ user: { ...user, groups: 'guests' } });
    expect(await eventually(() => heard.length > 0)).toBe(true);
    await aWhile();
    expect(heard).toEqual(['changed']);
    stop();
  });

  test('gets nothing after it stopped, and holds no socket', async () => {
    const holder = await connect({ user: { name: 'Leaving' } });
    const { heard, stop } = await watched(holder);
    stop();
    expect(await eventually(async () => (await watchers(holder.code)) === 0)).toBe(true);
    await revoke(holder, holder.tokens.refresh_token);
    await aWhile();
    expect(heard).toEqual([]);
  });
});

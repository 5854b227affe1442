import { runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { callWith, makeKey, signInBy, whoIn } from '../../fixtures/keys';
import { expectInvalidGrant } from '../../fixtures/refusals';
import {
  connectAt,
  gateAt,
  goOn,
  invalidGrant,
  type Line,
  logLines,
  onNetwork,
  renew,
  SignInProvider,
  signInAt,
} from '../../fixtures/sign-in-provider';
import { accountOf, Browser, callMcp, type Gate, refresh, type Tokens } from '../../fixtures/worker';

/* A sign-in provider that can't be asked, or whose answer is lost on the way. */

const HOUR = 3600;
const DAY = 24 * HOUR;

let provider: SignInProvider;
let at: Gate;
let logged: Line[];

beforeEach(() => {
  stopClock();
  provider = new SignInProvider();
  at = gateAt(provider);
  onNetwork(provider);
  logged = logLines();
});
afterEach(() => {
  vi.restoreAllMocks();
  startClock();
});

const asked = () => logged.filter(({ event }) => event === 'provider_asked');
const lastRefusal = () => logged.findLast(({ event }) => event === 'token_refreshed')?.reason;
const who = async (tokens: Tokens) => whoIn(await call(tokens));
const call = ({ access_token }: Tokens) => callMcp(access_token, { gate: at });

/** Has the machine stop while the provider is being asked: before, or after, it answers. */
async function stopWhenAsked(token: string, when: 'before' | 'after'): Promise<void> {
  const account = await runInDurableObject(accountOf(token), (_, state) => state);
  provider.instead = async (form) => {
    if (when === 'after') await provider.refresh(form);
    provider.instead = undefined;
    account.abort('the machine stops');
    return new Response(null, { status: 503 });
  };
}

/** Has the provider answer only once it may. */
function holdUp(): { go(answer: (form: URLSearchParams) => Response | Promise<Response>): void } {
  let answer: Parameters<ReturnType<typeof holdUp>['go']>[0] | undefined;
  provider.instead = async (form) => {
    while (!answer) await new Promise((resolve) => setTimeout(resolve, 10));
    return answer(form);
  };
  return { go: (how) => (answer = how) };
}

describe('a provider that can’t be asked', () => {
  test.each<[string, () => Response | Promise<Response>]>([
    ['is down', () => new Response('oops', { status: 503 })],
    ['is gone', () => Promise.reject(new Error('reset'))],
    ['doesn’t know the gate any more', () => Response.json({ error: 'invalid_client' }, { status: 401 })],
    ['answers garbage', () => new Response('<h1>hello</h1>')],
  ])('because it %s costs nothing for 29 days, and all refreshes after 30', async (_what, answer) => {
    const app = await connectAt(provider, at);
    provider.instead = answer;
    await goOn(app, 29);
    expect((await call(app.tokens)).status).toBe(200);
    expect(new Set(asked().map(({ outcome }) => outcome))).toEqual(new Set(['failed']));
    expectInvalidGrant(await goOn(app, 2));
    expect(lastRefusal()).toBe('sign_in_too_old');
    // Back, it is asked once more, and all goes on.
    provider.instead = undefined;
    provider.knows = true;
    pass(60);
    expect((await refresh(app, app.tokens.refresh_token)).status).toBe(200);
  });

  test('is asked again after a minute, not at each refresh', async () => {
    const app = await connectAt(provider, at);
    provider.instead = () => new Response(null, { status: 503 });
    pass(DAY);
    for (let i = 0; i < 5; i++) app.tokens = await renew(app);
    expect(provider.presented).toHaveLength(1);
    pass(59);
    app.tokens = await renew(app);
    expect(provider.presented).toHaveLength(1);
    provider.instead = undefined;
    pass(1);
    app.tokens = await renew(app);
    expect(provider.presented).toHaveLength(2);
    expect(asked().map(({ outcome }) => outcome)).toEqual(['failed', 'ok']);
  });

  test.each<[string, () => void]>([
    ['is down', () => Object.assign(provider, { instead: () => new Response(null, { status: 503 }) })],
    ['answers about somebody else', () => Object.assign(provider, { again: { sub: 'eve' } })],
  ])('because it %s, and then says no: that counts at once', async (_what, spoil) => {
    const app = await connectAt(provider, at);
    spoil();
    await goOn(app, 2);
    expect(await who(app.tokens)).toMatchObject({ user: { name: 'Ada Lovelace' } });
    provider.instead = undefined;
    provider.knows = false;
    pass(60);
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect((await call(app.tokens)).status).toBe(401);
  });

  test.each([
    ['it gave no refresh token', false],
    ['the sign-in was before it could be', true],
  ])('because %s vouches for `max_age` from the sign-in, and from the next one', async (_what, before4) => {
    provider.givesRefreshTokens = before4;
    const short = gateAt(provider, { max_age: 3 * DAY });
    const app = await connectAt(provider, short);
    // As an account of an older schema.
    await runInDurableObject(accountOf(app.tokens.access_token), (_, { storage }) =>
      storage.sql.exec(before4 ? 'DELETE FROM provider_checks' : 'SELECT 1'),
    );
    expect((await goOn(app, 2.5)).status).toBe(200);
    expectInvalidGrant(await goOn(app, 1));
    expect(lastRefusal()).toBe('sign_in_too_old');
    await signInAt(provider, new Browser(short));
    expect((await refresh(app, app.tokens.refresh_token)).status).toBe(200);
    expect(provider.presented).toEqual([]);
  });

  test('because the settings name it no longer vouches for 30 days', async () => {
    const app = await connectAt(provider, at);
    const moved = { ...app, gate: gateAt(new SignInProvider()) };
    await goOn(moved, 29);
    expectInvalidGrant(await goOn(moved, 2));
    expect(provider.presented).toEqual([]);
  });

  test('because the gate is another client there is not shown what isn’t that client’s', async () => {
    const app = await connectAt(provider, at);
    const other = { ...app, gate: gateAt(provider, { client_id: 'another' }) };
    await goOn(other, 1);
    expect(provider.presented).toEqual([]);
    expect(asked().at(-1)).toMatchObject({ outcome: 'failed', reason: 'provider_changed' });
  });

  test('ends no app that was allowed with a key: that lives as the key does', async () => {
    const owner = await signInAt(provider, new Browser(at));
    const { key } = await makeKey(owner, { expires_in: 90 * DAY });
    const byKey = new Browser(at);
    await signInBy(byKey, { method: 'key', access_key: key });
    const app = await connectAt(provider, at, { browser: byKey });
    provider.instead = () => new Response(null, { status: 503 });
    expect((await goOn(app, 33)).status).toBe(200);
  });

  test('signs out browsers that are older than `max_age`, where such may be: else they lead in a circle', async () => {
    const long = gateAt(provider, { max_age: DAY }, { TOKENS: { sign_in: 90 * DAY } });
    provider.givesRefreshTokens = false;
    const app = await connectAt(provider, long);
    expectInvalidGrant(await goOn(app, 2));
    expect((await app.browser.visit('/sign-in')).location).toContain('flow=');
  });
});

/** How long a refresh waits for a provider that says nothing, in ms. */
const HELD_MS = 3000;

test('a provider that is slow holds refreshes up for three seconds in all, and is obeyed when it answers', async () => {
  const app = await connectAt(provider, gateAt(provider, { max_age: 2 * DAY }));
  const held = holdUp();
  pass(DAY);
  const began = performance.now();
  app.tokens = await renew(app);
  // The provider says nothing before it is let: three seconds are the gate's own, the rest is the machine's.
  expect(performance.now() - began).toBeLessThan(4 * HELD_MS);
  expect((await call(app.tokens)).status).toBe(200);
  // Whoever comes meanwhile waits for nothing, and where it must be known, the client keeps what it has.
  pass(DAY);
  const came = performance.now();
  const late = await refresh(app, app.tokens.refresh_token);
  expect([late.status, late.body.error]).toEqual([503, 'temporarily_unavailable']);
  expect(performance.now() - came).toBeLessThan(HELD_MS);
  expect(provider.presented).toHaveLength(1);
  held.go(invalidGrant);
  await expect.poll(() => accountOf(app.tokens.access_token).listGrants()).toEqual([]);
});

describe('a machine that stops', () => {
  test('before the provider got the question has it asked again', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    await stopWhenAsked(app.tokens.access_token, 'before');
    await refresh(app, app.tokens.refresh_token).catch(() => undefined);
    app.tokens = await renew(app);
    expect(asked().at(-1)).toMatchObject({ outcome: 'ok' });
    expect((await call(app.tokens)).status).toBe(200);
  });

  test('between the answer and storing it ends nobody’s apps: the no to a used token is in doubt for `recheck`', async () => {
    const app = await connectAt(provider, at);
    const { key } = await makeKey(app.browser);
    pass(DAY);
    await stopWhenAsked(app.tokens.access_token, 'after');
    await refresh(app, app.tokens.refresh_token).catch(() => undefined);
    app.tokens = await renew(app);
    expect(provider.presented).toEqual([provider.given[0], provider.given[0]]);
    expect(asked().at(-1)).toMatchObject({ outcome: 'refused', reason: 'provider_answer_lost' });
    for (const hours of [0, 11]) {
      pass(hours * HOUR);
      app.tokens = await renew(app);
      expect((await call(app.tokens)).status).toBe(200);
      expect((await callWith({ 'x-api-key': key }, at)).status).toBe(200);
    }
    expect(provider.presented).toHaveLength(2);
    pass(HOUR);
    expect((await callWith({ 'x-api-key': key }, at)).status).toBe(401);
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect((await call(app.tokens)).status).toBe(401);
  });

  test('so that an answer was lost, costs nothing once the person signs in, and nothing is left of the doubt', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    provider.instead = async (form) => {
      await provider.refresh(form);
      throw new Error('reset');
    };
    app.tokens = await renew(app);
    provider.instead = undefined;
    pass(60);
    app.tokens = await renew(app);
    expect(asked().at(-1)).toMatchObject({ reason: 'provider_answer_lost' });
    // Another family: the provider ended the first.
    await signInAt(provider, new Browser(at));
    expect((await goOn(app, 2)).status).toBe(200);
    expect(asked().at(-1)).toMatchObject({ outcome: 'ok' });
  });

  test('ends what is in doubt when its time has come, though nobody asks', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    const account = accountOf(app.tokens.access_token);
    await runInDurableObject(account, (_, { storage }) =>
      storage.sql.exec('UPDATE provider_checks SET asked_at = 1'),
    );
    provider.knows = false;
    app.tokens = await renew(app);
    expect((await call(app.tokens)).status).toBe(200);
    pass(12 * HOUR);
    await runInDurableObject(account, (object) => (object as unknown as { alarm(): Promise<void> }).alarm());
    expect(await account.listGrants()).toEqual([]);
  });
});

describe('a sign-in at the same moment', () => {
  test('wins over an answer about what was before it', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    let signIn: Promise<unknown> | undefined;
    provider.instead = async () => {
      provider.instead = undefined;
      signIn = signInAt(provider, new Browser(at));
      await signIn;
      return Response.json({ error: 'invalid_grant' }, { status: 400 });
    };
    app.tokens = await renew(app);
    // A refresh waits for the answer for 3 s at most; on a slow machine the sign-in may take longer.
    await signIn;
    expect((await call(app.tokens)).status).toBe(200);
    pass(DAY);
    app.tokens = await renew(app);
    expect(provider.presented).toEqual([provider.given[0], provider.given[1]]);
  });
});

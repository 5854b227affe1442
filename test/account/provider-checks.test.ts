import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchGrant } from '../../src/account';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { dumpAll } from '../fixtures/dump-all';
import { browserAs, callWith, makeKey, signInBy, whoIn } from '../fixtures/keys';
import { expectInvalidGrant } from '../fixtures/refusals';
import {
  type Connected,
  connectAt,
  gateAt,
  invalidGrant,
  onNetwork,
  SignInProvider,
  signInAt,
} from '../fixtures/sign-in-provider';
import {
  type Answer,
  accountOf,
  Browser,
  callMcp,
  type Gate,
  grantIdOf,
  refresh,
  registerClient,
  type Tokens,
  textOf,
  tokensOf,
} from '../fixtures/worker';

/* The sign-in provider is asked again, through the Worker. The network beyond is scripted. */

const HOUR = 3600;
const DAY = 24 * HOUR;

let provider: SignInProvider;
let at: Gate;
let logged: { event: string; outcome: string; reason?: string; detail?: string; user?: string }[];

beforeEach(() => {
  stopClock();
  provider = new SignInProvider();
  at = gateAt(provider);
  onNetwork(provider);
  logged = [];
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((line) => void logged.push(JSON.parse(String(line))));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  startClock();
});

const asked = () => logged.filter(({ event }) => event === 'provider_asked');
const lastRefusal = () => logged.findLast(({ event }) => event === 'token_refreshed')?.reason;
const call = ({ access_token }: Tokens, gate = at) => callMcp(access_token, { gate });
const who = async (tokens: Tokens) => whoIn(await call(tokens));
const renew = async (app: Connected, { refresh_token } = app.tokens) =>
  tokensOf(await refresh(app, refresh_token));

/** Lets days go by in which the app refreshes now and then; returns the answer that ended it, or the last. */
async function goOn(app: Connected, days: number, every = days > 7 ? 7 : 0.5): Promise<Answer> {
  let answer: Answer | undefined;
  for (let gone = 0; gone < days; gone += every) {
    pass(Math.min(every, days - gone) * DAY);
    answer = await refresh(app, app.tokens.refresh_token);
    if (answer.status !== 200) return answer;
    app.tokens = tokensOf(answer);
  }
  if (!answer) throw new Error('no time went by');
  return answer;
}

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

describe('a provider that is asked again', () => {
  test('is asked when a client refreshes and `recheck` is over, not before and not at each', async () => {
    const app = await connectAt(provider, at);
    pass(12 * HOUR - 1);
    app.tokens = await renew(app);
    expect(provider.presented).toEqual([]);
    pass(1);
    app.tokens = await renew(app);
    expect(provider.presented).toEqual([provider.given[0]]);
    pass(HOUR);
    app.tokens = await renew(app);
    expect(provider.presented).toHaveLength(1);
    expect(asked()).toMatchObject([{ outcome: 'ok', user: app.tokens.access_token.split(':')[0] }]);
  });

  test('gets one question from twenty refreshes at once, of two apps', async () => {
    const app = await connectAt(provider, at);
    const other = await connectAt(provider, at, { browser: app.browser });
    expect(grantIdOf(other.tokens.access_token)).not.toBe(grantIdOf(app.tokens.access_token));
    pass(DAY);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => renew(i % 2 === 0 ? app : other)));
    expect(provider.presented).toHaveLength(1);
    expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(2);
    for (const tokens of answers) expect((await call(tokens)).status).toBe(200);
  });

  test('that rotates its refresh tokens and takes a used one for theft is never shown one twice', async () => {
    const app = await connectAt(provider, at);
    await goOn(app, 3);
    expect(provider.presented).toHaveLength(6);
    expect(new Set(provider.presented).size).toBe(6);
    expect((await call(app.tokens)).status).toBe(200);
  });

  test('that does not rotate is asked with the same refresh token each time', async () => {
    provider.rotates = false;
    const app = await connectAt(provider, at);
    await goOn(app, 1);
    expect(provider.presented).toEqual([provider.given[0], provider.given[0]]);
  });

  test('hears nothing of who holds no refresh token of the grant', async () => {
    const app = await connectAt(provider, at);
    const client = await registerClient({ client_name: 'Another app' }, at);
    const stranger = await connectAt(provider, at, { browser: app.browser, client });
    pass(DAY);
    const made = app.tokens.refresh_token.replace(/.{4}$/, 'AAAA');
    expectInvalidGrant(await refresh(app, made));
    expectInvalidGrant(await refresh(stranger, app.tokens.refresh_token));
    expectInvalidGrant(await refresh(app, app.tokens.access_token));
    expect(provider.presented).toEqual([]);
  });

  test('is nobody’s who signed in by a name', async () => {
    const local = await browserAs('Ada', at);
    const app = await connectAt(provider, at, { browser: local });
    await goOn(app, 40);
    expect((await call(app.tokens)).status).toBe(200);
    expect(provider.presented).toEqual([]);
  });
});

describe('what it says is obeyed', () => {
  test('other groups, name and address are the person’s at the very next request', async () => {
    const app = await connectAt(provider, at);
    expect(await who(app.tokens)).toMatchObject({ role: 'member', scope: 'mcp:read mcp:write' });
    pass(DAY);
    provider.claims = { ...provider.claims, groups: [], name: 'Ada King', email: 'king@acme.example' };
    // With a token of before: what it may do is the person's, not the token's.
    const next = await renew(app);
    for (const tokens of [app.tokens, next]) {
      const { status, body } = await call(tokens);
      if (tokens === app.tokens && status === 401) continue;
      expect(whoIn({ status, body, headers: new Headers() })).toMatchObject({
        user: { name: 'Ada King', email: 'king@acme.example', email_verified: true },
        role: 'viewer',
        scope: 'mcp:read',
      });
    }
    provider.claims.groups = ['leads'];
    pass(DAY);
    expect(await who(await renew(app, next))).toMatchObject({ role: 'owner' });
  });

  test('no: every app of this user is refused with the next request, every browser, every key', async () => {
    const app = await connectAt(provider, at);
    const other = await connectAt(provider, at, { browser: app.browser });
    const { key } = await makeKey(app.browser, { expires_in: 90 * DAY });
    const byKey = new Browser(at);
    pass(DAY - HOUR);
    const browser = await signInAt(provider, new Browser(at));
    await signInBy(byKey, { method: 'key', access_key: key });
    const keyed = await connectAt(provider, at, { browser: byKey });
    pass(DAY / 2);
    const tokens = await renew(other);
    pass(DAY / 2);
    provider.knows = false;
    const fresh = await renew(keyed).catch(() => undefined);
    expect(fresh).toBeUndefined();
    expect(lastRefusal()).toBe('provider_said_no');

    for (const each of [tokens, keyed.tokens]) expect((await call(each)).status).toBe(401);
    for (const [who, token] of [
      [app, app.tokens],
      [other, tokens],
    ] as const) {
      expectInvalidGrant(await refresh(who, token.refresh_token));
    }
    for (const one of [browser, byKey]) expect((await one.visit('/sign-in')).location).toContain('flow=');
    const refused = await callWith({ 'x-api-key': key }, at);
    expect(refused.status).toBe(401);
    expect(refused.body).toMatchObject({ error: 'sso_required', sign_in: `${at.origin}/sign-in` });
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(logged.at(-1)).toMatchObject({
      reason: 'sso_required',
      detail: tokens.access_token.split(':')[0],
    });
    const page = await signInBy(new Browser(at), { method: 'key', access_key: key });
    expect([page.status, page.headers.get('set-cookie')]).toEqual([403, null]);
    expect(textOf(page.html)).toContain('Acme');
  });

  test('no, until the person signs in there again: then their keys work, and what ended stays ended', async () => {
    const app = await connectAt(provider, at);
    const { key } = await makeKey(app.browser);
    pass(DAY);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect((await callWith({ 'x-api-key': key }, at)).status).toBe(401);
    provider.knows = true;
    const again = await connectAt(provider, at);
    expect((await callWith({ 'x-api-key': key }, at)).status).toBe(200);
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    pass(DAY);
    expect((await call(await renew(again))).status).toBe(200);
  });

  test('no: open streams of grants and keys end at once', async () => {
    const app = await connectAt(provider, at);
    const { id } = await makeKey(app.browser);
    const userId = app.tokens.access_token.split(':')[0] ?? '';
    const ended: string[] = [];
    const watch = (grantId: string) =>
      watchGrant(env, { userId, grantId }, { changed() {}, ended: () => ended.push(grantId) });
    const stops = [watch(id), watch(grantIdOf(app.tokens.access_token))];
    await vi.waitFor(async () =>
      expect(await runInDurableObject(accountOf(userId), (_, state) => state.getWebSockets().length)).toBe(2),
    );
    pass(DAY);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    await vi.waitFor(() => expect(ended).toHaveLength(2));
    for (const stop of stops) stop();
  });

  test('no: a code that was on its way is worth nothing', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    // As a consent that was being stored at that very moment leaves it.
    const account = accountOf(app.tokens.access_token);
    const terms = { origin: at.origin, resources: [`${at.origin}/mcp`], tokens: {} as never, providers: [] };
    const client = {
      client_id: app.client.client_id,
      redirect_uris: [],
      grant_types: [],
      response_types: [],
    };
    const presented = { client, grantId: 'x', secret: 'a:b:c', form: {} };
    expect(await account.redeemCode(terms, presented)).toMatchObject({ reason: 'provider_said_no' });
  });

  test('an address that by now belongs to another provider comes in by that one only', async () => {
    const other = new SignInProvider();
    const app = await connectAt(provider, at);
    pass(DAY);
    const bound = { name: 'globex', issuer: other.issuer, client_id: 'gate', domains: ['acme.example'] };
    const acme = { name: 'acme', issuer: provider.issuer, client_id: 'gate' };
    const changed = gateAt(provider, {}, { SIGN_IN: { methods: ['oidc'], oidc: [acme, bound] } });
    expectInvalidGrant(await refresh({ ...app, gate: changed }, app.tokens.refresh_token));
    expect(asked().at(-1)).toMatchObject({ outcome: 'refused', reason: 'sso_required', detail: 'globex' });
  });
});

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

  test('says no when it is back: then that counts', async () => {
    const app = await connectAt(provider, at);
    provider.instead = () => new Response(null, { status: 503 });
    await goOn(app, 2);
    provider.instead = undefined;
    provider.knows = false;
    expectInvalidGrant(await goOn(app, 1));
    expect((await call(app.tokens)).status).toBe(401);
  });

  test('because it gave no refresh token vouches for `max_age` from the sign-in, and from the next one', async () => {
    provider.givesRefreshTokens = false;
    const short = gateAt(provider, { max_age: 3 * DAY });
    const app = await connectAt(provider, short);
    const before = (await goOn(app, 2.5)).status;
    expect(before).toBe(200);
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

test('a provider that is slow holds refreshes up for three seconds in all, and is obeyed when it answers', async () => {
  const app = await connectAt(provider, gateAt(provider, { max_age: 2 * DAY }));
  const held = holdUp();
  pass(DAY);
  const began = performance.now();
  app.tokens = await renew(app);
  expect(performance.now() - began).toBeLessThan(4500);
  expect((await call(app.tokens)).status).toBe(200);
  // Whoever comes meanwhile waits for nothing, and where it must be known, the client keeps what it has.
  pass(DAY);
  const late = await refresh(app, app.tokens.refresh_token);
  expect([late.status, late.body.error]).toEqual([503, 'temporarily_unavailable']);
  expect(performance.now() - began).toBeLessThan(4500);
  expect(provider.presented).toHaveLength(1);
  held.go(invalidGrant);
  await vi.waitFor(async () => expect(await accountOf(app.tokens.access_token).listGrants()).toEqual([]));
}, 20_000);

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
    provider.instead = async () => {
      provider.instead = undefined;
      await signInAt(provider, new Browser(at));
      return Response.json({ error: 'invalid_grant' }, { status: 400 });
    };
    app.tokens = await renew(app);
    expect((await call(app.tokens)).status).toBe(200);
    pass(DAY);
    app.tokens = await renew(app);
    expect(provider.presented).toEqual([provider.given[0], provider.given[1]]);
  });
});

test('what the provider gave stands nowhere in clear, nor in the log', async () => {
  const app = await connectAt(provider, at);
  pass(DAY);
  provider.instead = (form) => {
    const error_description = `this is no good: ${form.get('refresh_token')}`;
    return Response.json({ error: 'oops', error_description }, { status: 400 });
  };
  app.tokens = await renew(app);
  provider.instead = undefined;
  pass(60);
  app.tokens = await renew(app);
  expect(provider.given).toHaveLength(2);
  const everything = (await dumpAll()) + JSON.stringify(logged);
  expect(everything).toContain('Ada Lovelace');
  expect(everything).toContain('this is no good: …');
  for (const token of [...provider.given, 'upstream-access']) expect(everything).not.toContain(token);
});

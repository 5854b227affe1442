import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchGrant } from '../../../src/account/watch/watch';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { dumpAll } from '../../fixtures/dump-all';
import { browserAs, callWith, makeKey, signInBy, whoIn } from '../../fixtures/keys';
import { expectInvalidGrant } from '../../fixtures/refusals';
import {
  connectAt,
  gateAt,
  goOn,
  type Line,
  logLines,
  onNetwork,
  renew,
  SignInProvider,
} from '../../fixtures/sign-in-provider';
import {
  accountOf,
  Browser,
  callMcp,
  type Gate,
  grantIdOf,
  refresh,
  registerClient,
  type Tokens,
  textOf,
} from '../../fixtures/worker';

/* The sign-in provider is asked again, through the Worker. The network beyond is scripted. */

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
const call = ({ access_token }: Tokens) => callMcp(access_token, { gate: at });
const who = async (tokens: Tokens) => whoIn(await call(tokens));

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

  test('isn’t asked about a caller without a refresh token of the grant', async () => {
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
  test('other groups, name and address are the person’s at the very next request of every app', async () => {
    const often = gateAt(provider, { recheck: 600 });
    const app = await connectAt(provider, often);
    const other = await connectAt(provider, often, { browser: app.browser });
    expect(await who(other.tokens)).toMatchObject({ role: 'member', scope: 'mcp:read mcp:write' });
    pass(600);
    provider.claims = { ...provider.claims, groups: [], name: 'Ada King', email: 'king@acme.example' };
    // With tokens of before too: what they may do is the person's.
    for (const tokens of [await renew(app), other.tokens]) {
      expect(await who(tokens)).toMatchObject({
        user: { name: 'Ada King', email: 'king@acme.example', email_verified: true },
        role: 'viewer',
        scope: 'mcp:read',
      });
    }
    provider.claims.groups = ['leads'];
    pass(600);
    await renew(other);
    expect(await who(other.tokens)).toMatchObject({ role: 'owner' });
  });

  test('no: every app of this user is refused with the next request, every browser, every key', async () => {
    const often = gateAt(provider, { recheck: 600 });
    const app = await connectAt(provider, often);
    const other = await connectAt(provider, often, { browser: app.browser });
    const { key } = await makeKey(app.browser);
    const byKey = new Browser(often);
    await signInBy(byKey, { method: 'key', access_key: key });
    const keyed = await connectAt(provider, often, { browser: byKey });
    for (const { tokens } of [app, other, keyed]) expect((await call(tokens)).status).toBe(200);
    pass(600);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect(lastRefusal()).toBe('provider_said_no');

    for (const one of [app, other, keyed]) {
      expect((await call(one.tokens)).status).toBe(401);
      expectInvalidGrant(await refresh(one, one.tokens.refresh_token));
    }
    for (const one of [app.browser, byKey]) expect((await one.visit('/sign-in')).location).toContain('flow=');
    const refused = await callWith({ 'x-api-key': key }, often);
    expect(refused.status).toBe(401);
    expect(refused.body).toMatchObject({ error: 'sso_required', sign_in: `${at.origin}/sign-in` });
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    const user = app.tokens.access_token.split(':')[0];
    expect(logged.at(-1)).toMatchObject({ reason: 'sso_required', detail: user });
    const page = await signInBy(new Browser(often), { method: 'key', access_key: key });
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
    const sockets = () => runInDurableObject(accountOf(userId), (_, state) => state.getWebSockets().length);
    await expect.poll(sockets).toBe(2);
    pass(DAY);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    await expect.poll(() => ended).toHaveLength(2);
    for (const stop of stops) stop();
  });

  test('no: a code that was on its way is worth nothing', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    // As a consent that was being stored at that very moment leaves it.
    const account = accountOf(app.tokens.access_token);
    const terms = {
      origin: at.origin,
      resources: [`${at.origin}/mcp`],
      tokens: {} as never,
      providers: [],
      local: true,
    };
    const client = {
      client_id: app.client.client_id,
      redirect_uris: [],
      grant_types: [],
      response_types: [],
    };
    const presented = { client, grantId: 'x', secret: 'a:b:c', form: {} };
    expect(await account.redeemCode(terms, presented)).toMatchObject({
      error: { reason: 'provider_said_no' },
    });
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

describe('a provider that wants the person to sign in again', () => {
  const wantsFactor = () =>
    Response.json({ error: 'invalid_grant', error_description: 'MFA needed' }, { status: 400 });

  test('gets them to: refreshes are refused, nothing else ends, and the same app goes on afterwards', async () => {
    const app = await connectAt(provider, at);
    const { key } = await makeKey(app.browser);
    pass(DAY);
    provider.instead = wantsFactor;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect(lastRefusal()).toBe('provider_wants_sign_in');
    expect(asked().at(-1)).toMatchObject({
      outcome: 'refused',
      reason: 'oidc_sign_in_required',
      detail: 'invalid_grant: MFA needed',
    });
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect(provider.presented).toHaveLength(1);
    expect((await callWith({ 'x-api-key': key }, at)).status).toBe(200);
    provider.instead = undefined;
    await connectAt(provider, at);
    app.tokens = await renew(app);
    expect((await call(app.tokens)).status).toBe(200);
  });

  test('is asked again after a minute, since the person may have done so elsewhere', async () => {
    const app = await connectAt(provider, at);
    pass(DAY);
    provider.instead = wantsFactor;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    provider.instead = undefined;
    pass(60);
    app.tokens = await renew(app);
    expect((await call(app.tokens)).status).toBe(200);
  });
});

test('groups that the provider stops to mention count for `max_age`, and then the person signs in again', async () => {
  const app = await connectAt(provider, gateAt(provider, { max_age: 2 * DAY }));
  provider.claims = { sub: 'ada', name: 'Ada Lovelace' };
  await goOn(app, 1.5);
  expect(await who(app.tokens)).toMatchObject({ role: 'member' });
  expect(asked().at(-1)).toMatchObject({ outcome: 'ok', groups_state: 'missing', claims: ['name'] });
  expectInvalidGrant(await goOn(app, 1));
  expect(lastRefusal()).toBe('sign_in_too_old');
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

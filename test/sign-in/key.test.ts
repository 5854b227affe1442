import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { browserAs, callApi, formOf, keyGate, type Made, makeKey, signInBy, whoIn } from '../fixtures/keys';
import { expectInvalidGrant } from '../fixtures/refusals';
import {
  accountOf,
  Browser,
  callMcp,
  connect,
  formWith,
  grantIdOf,
  locationOf,
  refresh,
  textOf,
} from '../fixtures/worker';
import { decide, openConsent } from '../oauth/pages';

beforeEach(stopClock);
afterEach(startClock);

const at = keyGate();
let people = 0;

/** Somebody with a key, and a second browser that is signed in by it. */
async function signedInByKey(spec: Record<string, unknown> = {}) {
  const owner = await browserAs(`Owner ${people++}`, at);
  const made = await makeKey(owner, spec);
  const browser = await byKey(made);
  return { owner, made, browser };
}

async function byKey(made: Made): Promise<Browser> {
  const browser = new Browser(at);
  const page = await signInBy(browser, { method: 'key', access_key: made.key });
  expect([page.status, page.location]).toEqual([303, '/sign-in']);
  return browser;
}

describe('a key on the sign-in page', () => {
  test('signs its owner in', async () => {
    const owner = await browserAs('Grace', at, { email: 'grace@acme.com' });
    const browser = await byKey(await makeKey(owner));
    expect(textOf((await browser.visit('/sign-in')).html)).toContain('You’re signed in as Grace');
  });

  test.each([
    ['nothing', () => ''],
    ['nonsense', () => 'nonsense'],
    ['an unknown one', (key: string) => key.replace(/^gth_./, 'gth_0')],
    ['half of one', (key: string) => key.slice(0, 50)],
    ['60 kB', () => 'x'.repeat(60_000)],
  ])('that is %s is an error on the page, and signs nobody in', async (_what, text) => {
    const { made } = await signedInByKey();
    const browser = new Browser(at);
    const page = await signInBy(browser, { method: 'key', access_key: text(made.key) });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('This key isn’t valid');
    expect(page.html).not.toContain(made.key);
    expect(page.headers.get('set-cookie')).toBeNull();
    expect((await browser.visit('/sign-in')).status).toBe(303);
  });

  test('that was revoked or has expired is an error on the page, and the flow goes on with another', async () => {
    const { owner, made } = await signedInByKey({ expires_in: 60 });
    const good = await makeKey(owner);
    const browser = new Browser(at);
    pass(60);
    const expired = await signInBy(browser, { method: 'key', access_key: made.key });
    expect(textOf(expired.html)).toContain('This key has expired');
    await callApi(owner, `/api/keys/${made.id}`, 'DELETE');
    const form = formOf(expired, 'key');
    const revoked = await browser.submit(form, { access_key: made.key });
    expect(textOf(revoked.html)).toContain('This key isn’t valid');
    expect((await browser.submit(formOf(revoked, 'key'), { access_key: ` ${good.key}\n` })).status).toBe(303);
  });

  test('is not taken where the settings do not name that way', async () => {
    const { made } = await signedInByKey();
    const closed = new Browser(keyGate({ SIGN_IN: { methods: ['local'] } }));
    const page = await closed.visit(locationOf(await closed.visit('/sign-in')));
    expect(page.html).not.toContain('access_key');
    const refused = await closed.submit(formOf(page, 'local'), { method: 'key', access_key: made.key });
    expect(textOf(refused.html)).toContain('You can’t sign in that way here');
  });

  test('of an address that comes in by a provider only is refused, with the way there', async () => {
    const owner = await browserAs('Bound', at, { email: 'bound@acme.com' });
    const made = await makeKey(owner);
    const oidc = [
      {
        name: 'acme',
        title: 'Acme',
        issuer: 'https://id.acme.example',
        client_id: 'g',
        domains: ['acme.com'],
      },
    ];
    const bound = new Browser(keyGate({ SIGN_IN: { methods: ['oidc', 'key'], oidc } }));
    const page = await signInBy(bound, { method: 'key', access_key: made.key });
    expect(page.status).toBe(403);
    expect(textOf(page.html)).toContain('sign in only with Acme');
    expect(page.headers.get('set-cookie')).toBeNull();
  });
});

describe('a browser signed in by a key', () => {
  const spec = { scope: 'mcp:read', servers: ['notes'], expires_in: 2 * 86_400 };

  test('is offered no more than the key has, and gets no more by asking', async () => {
    const { browser, made } = await signedInByKey(spec);
    const waiting = await openConsent({ browser, request: { scope: 'mcp:destructive' } });
    expect(waiting.page.html).not.toContain('value="mcp:write"');
    expect(waiting.page.html).not.toContain('value="mcp:destructive"');
    expect(waiting.page.html).not.toContain('value="wiki"');
    const greedy = { scope: ['mcp:destructive'], server: ['notes', 'wiki', 'vault'], expires: '' };
    expect((await decide(waiting, greedy)).status).toBe(303);
    const connected = await connect({ browser, scope: ['mcp:read', 'mcp:destructive'] });
    const { tokens } = connected;
    const who = whoIn(await callMcp(tokens.access_token, { gate: at }));
    expect(who).toMatchObject({ scope: 'mcp:read', role: 'owner' });
    expect(Date.parse(String(who.expires_at))).toBeLessThanOrEqual(Date.parse(made.expires_at));
  });

  test('can’t choose a day beyond the key, nor a scope that the key lacks alone', async () => {
    const { browser } = await signedInByKey(spec);
    const waiting = await openConsent({ browser });
    const later = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    expect((await decide(waiting, { scope: ['mcp:read'], expires: later })).status).toBe(400);
    const again = await openConsent({ browser });
    expect((await decide(again, { scope: ['mcp:write'] })).status).toBe(303);
    const none = await signedInByKey({ ...spec, servers: [] });
    const page = await openConsent({ browser: none.browser });
    expect(page.page.html).not.toContain('name="server"');
  });

  test('loses all that it granted with the key, at once, and nothing else does', async () => {
    const { owner, browser, made } = await signedInByKey(spec);
    const own = await connect({ browser: owner });
    const granted = await connect({ browser });
    const pending = await openConsent({ browser });
    expect((await callMcp(granted.tokens.access_token, { gate: at })).status).toBe(200);
    await callApi(owner, `/api/keys/${made.id}`, 'DELETE');
    expect((await callMcp(granted.tokens.access_token, { gate: at })).status).toBe(401);
    expectInvalidGrant(await refresh(granted, granted.tokens.refresh_token));
    expect((await browser.visit('/sign-in')).status).toBe(303);
    const late = await decide(pending, { scope: ['mcp:read'] });
    expect(late.location).toBeUndefined();
    expect((await callMcp(own.tokens.access_token, { gate: at })).status).toBe(200);
    const { body } = await callApi(owner, '/api/grants');
    expect((body.items as unknown[]).length).toBe(1);
  });

  test('leaves no copy of it behind, and loses it to a key that is over in any way', async () => {
    const { owner, browser, made } = await signedInByKey(spec);
    const granted = await connect({ browser });
    const late = await connect({ browser });
    const account = accountOf(granted.tokens.access_token);
    const copies = async () =>
      (await env.OAUTH_KV.list()).keys.filter(({ name }) =>
        name.includes(grantIdOf(granted.tokens.access_token)),
      );
    await runDurableObjectAlarm(account);
    expect((await copies()).length).toBeGreaterThan(0);
    await callApi(owner, `/api/keys/${made.id}`, 'DELETE');
    await runDurableObjectAlarm(account);
    expect(await copies()).toEqual([]);

    // As if the grant had been stored a moment after its key was revoked.
    const other = await signedInByKey(spec);
    const after = await connect({ browser: other.browser });
    await runInDurableObject(accountOf(after.tokens.access_token), (_, { storage }) => {
      storage.sql.exec('UPDATE access_keys SET revoked_at = 1');
    });
    expect((await callMcp(after.tokens.access_token, { gate: at })).status).toBe(401);
    expectInvalidGrant(await refresh(after, after.tokens.refresh_token));
    expectInvalidGrant(await refresh(late, late.tokens.refresh_token));
  });

  test('loses it when the key expires too, whatever was refreshed', async () => {
    const { owner, browser, made } = await signedInByKey({ ...spec, expires_in: 600 });
    const ends = ((await callApi(owner, '/api/sign-ins')).body.items as { expires_at: string }[]).map(
      ({ expires_at }) => expires_at,
    );
    expect(ends).toContain(made.expires_at);
    const granted = await connect({ browser });
    pass(300);
    expect((await refresh(granted, granted.tokens.refresh_token)).status).toBe(200);
    pass(300);
    expect((await callMcp(granted.tokens.access_token, { gate: at })).status).toBe(401);
    expectInvalidGrant(await refresh(granted, granted.tokens.refresh_token));
    expect((await browser.visit('/sign-in')).status).toBe(303);
  });

  test('sees and ends what came by the key, and nothing else of its owner', async () => {
    const { owner, browser, made } = await signedInByKey(spec);
    const second = await makeKey(owner);
    const own = await connect({ browser: owner });
    const granted = await connect({ browser });
    const grantOf = (token: string) => token.split(':')[1] ?? '';
    const ids = async (path: string) =>
      ((await callApi(browser, path)).body.items as { id: string }[]).map(({ id }) => id);
    expect(await ids('/api/grants')).toEqual([grantOf(granted.tokens.access_token)]);
    expect(await ids('/api/keys')).toEqual([made.id]);
    const [mine, ...others] = await ids('/api/sign-ins');
    expect([mine !== undefined, others]).toEqual([true, []]);
    const { body } = await callApi(owner, '/api/sign-ins');
    const theirs = (body.items as { id: string; current: boolean }[]).find(({ current }) => current)?.id;
    for (const path of [
      `/api/grants/${grantOf(own.tokens.access_token)}`,
      `/api/keys/${second.id}`,
      `/api/sign-ins/${theirs}`,
    ]) {
      expect((await callApi(browser, path, 'DELETE')).status).toBe(404);
    }
    expect((await callMcp(own.tokens.access_token, { gate: at })).status).toBe(200);
    const id = grantOf(granted.tokens.access_token);
    expect((await callApi(browser, `/api/grants/${id}`, 'DELETE')).status).toBe(204);
  });

  test('finds no page that makes keys', async () => {
    const { owner, browser } = await signedInByKey();
    const page = await browser.visit('/account/keys');
    expect([page.status, page.forms.length]).toEqual([403, 0]);
    const form = formWith(await owner.visit('/account/keys'), 'name');
    const fields = { name: 'x', scope: 'mcp:read', expires: '' };
    expect((await browser.submit(form, fields)).status).toBe(403);
  });
});

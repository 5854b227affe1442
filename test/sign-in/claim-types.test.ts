import type { JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { whoIn } from '../fixtures/keys';
import {
  connectAt,
  gateAt,
  type Line,
  logLines,
  onNetwork,
  renew,
  SignInProvider,
} from '../fixtures/sign-in-provider';
import { Browser, callMcp, formWith, type Gate, locationOf, type Page, textOf } from '../fixtures/worker';

/* A sign-in provider whose answers are signed and right, and whose claims are anything. */

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

const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
const ODD: [string, unknown][] = [
  ['an object whose toString is no function', { toString: 1 }],
  ['an object', { value: 'ada' }],
  ['a list', ['ada', { toString: 1 }]],
  ['a number', 1e300],
  ['a boolean', true],
  ['null', null],
  ['something five hundred deep', deep],
];
const NAMES = ['name', 'email', 'email_verified', 'preferred_username', 'groups', 'amr', 'unknown'];

/** Comes back from the provider, who says that; returns the page or redirect of the callback. */
async function callback(): Promise<Page> {
  const browser = new Browser(at);
  const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
  const sent = await browser.submit(formWith(page, 'provider'), { method: 'oidc', provider: 'acme' });
  const url = new URL(locationOf(sent));
  provider.nonce = url.searchParams.get('nonce') ?? '';
  const state = url.searchParams.get('state') ?? '';
  return browser.visit(`/sign-in/callback?${new URLSearchParams({ state, code: 'c' })}`);
}

const lastSignIn = () => logged.findLast(({ event }) => event === 'sign_in');

describe.each(ODD)('every claim of an ID token is %s', (_what, value) => {
  const claims = () =>
    ({ sub: 'ada', ...Object.fromEntries(NAMES.map((name) => [name, value])) }) as JWTPayload & {
      sub: string;
    };

  test('the person signs in, as nobody in particular and without a role that others have', async () => {
    provider.claims = claims();
    const app = await connectAt(provider, at);
    const who = whoIn(await callMcp(app.tokens.access_token, { gate: at }));
    expect(who).toMatchObject({ user: { name: 'ada', email_verified: false }, role: 'viewer' });
  });

  test('userinfo may say the same', async () => {
    provider.claims = { sub: 'ada' };
    provider.userinfo = () => Response.json(claims());
    const app = await connectAt(provider, at);
    expect(whoIn(await callMcp(app.tokens.access_token, { gate: at }))).toMatchObject({ role: 'viewer' });
  });

  test('asked again, it takes no name and no address away, and gives no group', async () => {
    const app = await connectAt(provider, at);
    provider.claims = claims();
    pass(86_400);
    app.tokens = await renew(app);
    expect(logged.findLast(({ event }) => event === 'provider_asked')).toMatchObject({ outcome: 'ok' });
    const who = whoIn(await callMcp(app.tokens.access_token, { gate: at }));
    expect(who.user).toMatchObject({ name: 'Ada Lovelace', email: 'ada@acme.example' });
  });
});

describe('a subject that names nobody signs nobody in', () => {
  test.each([
    ['empty', ''],
    ['blank', ' \t '],
    ['longer than the standard allows', 'x'.repeat(256)],
    ['with a line break', 'ada\r\nx'],
    ['with NUL', 'ada\0'],
    ['with half a character', 'ada\ud800'],
  ])('%s', async (_what, sub) => {
    provider.claims = { ...provider.claims, sub };
    const page = await callback();
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('We couldn’t verify the sign-in');
    expect(lastSignIn()).toMatchObject({ outcome: 'refused', reason: 'oidc_subject_invalid' });
    expect(page.headers.get('set-cookie') ?? '').not.toContain('sign-in=');
  });

  test.each(ODD)('%s', async (_what, sub) => {
    provider.claims = { ...provider.claims, sub: sub as string };
    const page = await callback();
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(lastSignIn()).toMatchObject({ outcome: 'refused', reason: 'oidc_token_invalid' });
  });

  test('while one of 255 characters does', async () => {
    provider.claims = { ...provider.claims, sub: 'x'.repeat(255) };
    expect((await callback()).status).toBe(303);
  });
});

test.each<[object, string]>([
  [{ hd: 'acme.example' }, 'owner'],
  [{ hd: ['other.example', 'acme.example'] }, 'owner'],
  [{}, 'viewer'],
  [{ hd: 'acme.example.evil' }, 'viewer'],
  [{ hd: { toString: 1 } }, 'viewer'],
  [{ hd: null }, 'viewer'],
])('a rule that asks for a claim is for those who have it: %j', async (claims, role) => {
  const ROLES = [
    { role: 'owner', provider: 'acme', emails: ['*@acme.example'], claims: { hd: 'acme.example' } },
  ];
  provider.claims = { ...provider.claims, ...claims };
  const gate = gateAt(provider, {}, { ROLES });
  const app = await connectAt(provider, gate);
  expect(whoIn(await callMcp(app.tokens.access_token, { gate }))).toMatchObject({ role });
  // It goes with the claim, when the provider is asked again.
  provider.claims = { sub: 'ada', name: 'Ada Lovelace' };
  pass(86_400);
  app.tokens = await renew(app);
  expect(whoIn(await callMcp(app.tokens.access_token, { gate }))).toMatchObject({ role: 'viewer' });
});

describe('the claims that make an ID token valid', () => {
  test.each<[string, object]>([
    ['aud is an object', { aud: { toString: 1 } }],
    ['aud is a list of others', { aud: ['other', 7] }],
    ['aud is a list of objects', { aud: [{ toString: 1 }] }],
    ['iss is an object', { iss: { toString: 1 } }],
    ['iss is a list', { iss: ['x'] }],
    ['azp is an object', { aud: ['gate', 'other'], azp: { toString: 1 } }],
  ])('%s: a page, never an error of ours', async (_what, claims) => {
    provider.claims = { ...provider.claims, ...claims };
    const page = await callback();
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(lastSignIn()?.outcome).toBe('refused');
  });
});

test.each([
  ['a name of a hundred thousand characters is cut', 'name', 'n'.repeat(100_000), 200],
  ['an address longer than addresses are is none', 'email', `${'a'.repeat(300)}@acme.example`, undefined],
  ['an address with a line break is none', 'email', 'ada@acme.example\r\nX: y', undefined],
])('%s', async (_what, claim, value, kept) => {
  provider.claims = { ...provider.claims, [claim]: value };
  const app = await connectAt(provider, at);
  const { user } = whoIn(await callMcp(app.tokens.access_token, { gate: at }));
  const found = user[claim];
  expect(typeof found === 'string' ? found.length : undefined).toBe(kept);
});

describe('an error of the provider whose parts are anything', () => {
  test.each(ODD)('its description is %s: no error of ours', async (_what, error_description) => {
    const answer = () => Response.json({ error: 'invalid_grant', error_description }, { status: 400 });
    const own = provider.fetch.bind(provider);
    provider.fetch = async (request) => (request.url.endsWith('/token') ? answer() : own(request));
    const page = await callback();
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(lastSignIn()).toMatchObject({ outcome: 'refused', reason: 'oidc_code_rejected' });
  });

  test('also when asked again: its rejection counts', async () => {
    const app = await connectAt(provider, at);
    provider.instead = () =>
      Response.json({ error: 'invalid_grant', error_description: { toString: 1 } }, { status: 400 });
    pass(86_400);
    await expect(renew(app)).rejects.toThrow();
    expect(logged.findLast(({ event }) => event === 'provider_asked')).toMatchObject({
      outcome: 'refused',
      reason: 'oidc_refresh_rejected',
    });
  });
});

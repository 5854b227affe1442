import { describe, expect, test } from 'vitest';
import { keyGate } from '../../fixtures/keys';
import {
  accountOf,
  Browser,
  callMcp,
  connect,
  formWith,
  gate,
  gateWith,
  locationOf,
  type Page,
  redeem,
  registerClient,
  textOf,
  tokensOf,
} from '../../fixtures/worker';
import { decide, openConsent, type Waiting } from '../pages';
import { ACME, acmePerson, browserOf } from '../people';

const ALL = ['mcp:read', 'mcp:write', 'mcp:destructive'];

/** Redeems what an allowed consent gave and asks who that is. */
async function whoami({ client, code_verifier }: Waiting, allowed: Page, at = gate) {
  const callback = new URL(locationOf(allowed));
  const code = callback.searchParams.get('code') ?? '';
  const browser = new Browser(at);
  const tokens = tokensOf(await redeem({ gate: at, browser, client, code, code_verifier, callback }));
  const { body } = await callMcp(tokens.access_token, { gate: at });
  const { structuredContent } = body.result as { structuredContent: Record<string, unknown> };
  return { ...structuredContent, granted: tokens.scope } as Record<string, unknown>;
}

/** The boxes of the page: each scope that is offered, and whether it is ticked. */
function boxes({ html }: Page): [string, boolean][] {
  const inputs = [...html.matchAll(/<input type="checkbox" name="scope" value="([^"]*)"([^>]*)>/g)];
  return inputs.map(([, scope = '', rest = '']) => [scope, /\bchecked\b/.test(rest)]);
}

describe('the consent page', () => {
  test('says who asks, where access goes and as whom, and warns of an app on this computer', async () => {
    const client = await registerClient({ client_name: 'Notes <b>' });
    const user = { name: 'Ada', email: 'ada@acme.example' };
    const { page } = await openConsent({ client, user });
    expect(page.status).toBe(200);
    expect(page.html).not.toContain('Notes <b>');
    const text = textOf(page.html);
    expect(text).toContain('Notes &lt;b&gt;');
    expect(text).toContain('not verified');
    expect(text).toContain('127.0.0.1:9999');
    expect(text).toContain('An app on this computer wants access.');
    expect(text).toContain('ada@acme.example');
    expect(text).toContain('Use another account');
  });

  test('names the host of an app elsewhere', async () => {
    const client = await registerClient({ redirect_uris: ['https://app.example/callback'] });
    const text = textOf((await openConsent({ client })).page.html);
    expect(text).toContain('Access goes to app.example');
    expect(text).toContain('The name of this app isn’t verified.');
  });

  test('can’t be framed, kept or scripted, and may lead to the client', async () => {
    const { page } = await openConsent();
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|form-action|script-src/);
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.html).not.toMatch(/<script| on[a-z]+=/);
  });

  test.each([
    [
      undefined,
      [
        ['mcp:read', true],
        ['mcp:write', true],
        ['mcp:destructive', false],
      ],
    ],
    [
      'mcp:read',
      [
        ['mcp:read', true],
        ['mcp:write', false],
        ['mcp:destructive', false],
      ],
    ],
    [
      'mcp:write',
      [
        ['mcp:read', true],
        ['mcp:write', true],
        ['mcp:destructive', false],
      ],
    ],
    [
      'mcp:destructive',
      [
        ['mcp:destructive', false],
        ['mcp:read', true],
        ['mcp:write', true],
      ],
    ],
  ])('ticks what was asked for and nothing dangerous: scope %s', async (scope, expected) => {
    const { page } = await openConsent({ request: scope === undefined ? {} : { scope } });
    expect(boxes(page)).toEqual(expected);
  });

  test.each([
    ['viewer', ['mcp:read']],
    ['member', ['mcp:read', 'mcp:write']],
    ['owner', ALL],
    ['admin', ALL],
  ])('offers no more than the role: %s', async (role, offered) => {
    const { page } = await openConsent({ gate: gateWith({ DEFAULT_ROLE: role }) });
    expect(boxes(page).map(([scope]) => scope)).toEqual(offered);
  });

  test('is shown again each time, whatever was allowed before', async () => {
    const { browser, client } = await connect({ scope: ALL });
    const { page } = await openConsent({ browser, client });
    expect([page.status, page.location]).toEqual([200, undefined]);
    expect(formWith(page, 'decision').names).toContain('expires');
    expect(boxes(page)).toContainEqual(['mcp:destructive', false]);
  });

  test('is not for people without a role: they see which account that is, and can use another', async () => {
    const at = gateWith(ACME);
    const browser = await browserOf(acmePerson({ subject: 'nobody', email: 'nobody@acme.example' }), at);
    const { page, url } = await openConsent({ browser });
    expect(page.status).toBe(403);
    expect(textOf(page.html)).toContain('You’re signed in as nobody@acme.example');
    const another = /href="(\/sign-in\?flow=[\w-]+)">Use another account/.exec(page.html)?.[1] ?? '';
    const user = { method: 'local', name: 'Ada' };
    const signedIn = await browser.submit(formWith(await browser.visit(another), 'method'), user);
    expect([signedIn.status, signedIn.location]).toEqual([303, url]);
    expect(formWith(await browser.visit(url), 'decision').names).toContain('scope');
  });
});

describe('the token has what was selected', () => {
  test.each([
    [['mcp:read'], 'mcp:read'],
    [['mcp:write'], 'mcp:read mcp:write'],
    [['mcp:read', 'mcp:write'], 'mcp:read mcp:write'],
    [['mcp:destructive'], 'mcp:read mcp:write mcp:destructive'],
    [['mcp:read', 'mcp:destructive'], 'mcp:read mcp:write mcp:destructive'],
    [['mcp:read', 'mcp:read'], 'mcp:read'],
    [['mcp:read', 'nonsense', ''], 'mcp:read'],
  ])('%j', async (scope, expected) => {
    const waiting = await openConsent();
    const allowed = await decide(waiting, { scope });
    expect(await whoami(waiting, allowed)).toMatchObject({ scope: expected, granted: expected });
  });

  test.each([
    ['viewer', 'mcp:read'],
    ['member', 'mcp:read mcp:write'],
    ['owner', 'mcp:read mcp:write mcp:destructive'],
    ['admin', 'mcp:read mcp:write mcp:destructive'],
  ])('held to the role, whatever is posted: %s', async (role, expected) => {
    const at = gateWith({ ROLES: JSON.stringify([{ role, methods: ['local'] }]) });
    const waiting = await openConsent({ gate: at });
    const allowed = await decide(waiting, { scope: ALL });
    expect(await whoami(waiting, allowed, at)).toMatchObject({ role, scope: expected, granted: expected });
  });

  test.each([
    ['none', []],
    ['an unknown one', ['nonsense']],
    ['one that is no scope of tools', ['offline_access']],
  ])('so nothing is 400, and the page again: %s', async (_what, scope) => {
    const waiting = await openConsent();
    const page = await decide(waiting, { scope });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('Select at least one thing');
    const mended = await decide({ ...waiting, page }, { scope: ['mcp:read'] });
    expect(await whoami(waiting, mended)).toMatchObject({ scope: 'mcp:read' });
  });

  test('the page of one server’s own resource names none of the gate’s tools, which aren’t there', async () => {
    const at = keyGate();
    const own = await openConsent({ gate: at, request: { resource: `${at.origin}/mcp/wiki` } });
    expect(textOf(own.page.html)).not.toContain('Who am I?');
    expect(textOf((await openConsent({ gate: at })).page.html)).toContain('Who am I?');
  });

  test.each([
    ['none', ''],
    ['another', 'maybe'],
    ['another case', 'Allow'],
  ])('a decision that is neither allow nor deny is 400: %s', async (_what, decision) => {
    const page = await decide(await openConsent(), { decision });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('Choose Allow or Cancel.');
  });
});

describe('for how long', () => {
  const DAY = 86_400;
  const YEAR = 31_536_000;
  const day = (ahead: number) => new Date((Date.now() / 1000 + ahead) * 1000).toISOString().slice(0, 10);
  const seconds = (time: unknown) => Date.parse(String(time)) / 1000;

  test.each([
    ['today', 0],
    ['tomorrow', DAY],
    ['in a month', 30 * DAY],
    ['the day before the last', YEAR - DAY],
  ])('to the last second of the day that was chosen, UTC: %s', async (_what, ahead) => {
    const waiting = await openConsent();
    const expires = day(ahead);
    const { expires_at } = await whoami(waiting, await decide(waiting, { expires }));
    expect(expires_at).toBe(`${expires}T23:59:59.000Z`);
  });

  test.each([
    ['the last day', () => day(YEAR)],
    ['no day', () => ''],
  ])('and never beyond the longest: %s', async (_what, expires) => {
    const waiting = await openConsent();
    const before = Math.floor(Date.now() / 1000);
    const { expires_at } = await whoami(waiting, await decide(waiting, { expires: expires() }));
    expect(seconds(expires_at)).toBeGreaterThanOrEqual(before + YEAR);
    expect(seconds(expires_at)).toBeLessThanOrEqual(Date.now() / 1000 + YEAR);
  });

  test.each([
    ['one day beyond the longest', () => day(YEAR + DAY)],
    ['yesterday', () => day(-DAY)],
    ['long ago', () => '1970-01-01'],
    ['far ahead', () => '9999-12-31'],
    ['farther', () => '10000-01-01'],
    ['30 February', () => `${new Date().getUTCFullYear() + 1}-02-30`],
    ['month 13', () => `${new Date().getUTCFullYear()}-13-01`],
    ['day 0', () => `${new Date().getUTCFullYear() + 1}-01-00`],
    ['nonsense', () => 'never'],
    ['a number', () => '1800000000'],
    ['a time too', () => `${day(DAY)}T00:00:00Z`],
    ['without zeros', () => '2027-1-1'],
    ['a space', () => `${day(DAY)} `],
    ['other digits', () => '٢٠٢٧-٠١-٠١'],
    ['markup', () => '"><script>alert(1)</script>'],
  ])('is 400 for a day that is not offered: %s', async (_what, expires) => {
    const waiting = await openConsent();
    const page = await decide(waiting, { expires: expires() });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('Choose a date from today');
    expect(page.html).not.toContain('<script');
  });

  test('is what TOKENS.grant says at most, and the page says so', async () => {
    const at = gateWith({ TOKENS: JSON.stringify({ grant: 7 * DAY }) });
    const waiting = await openConsent({ gate: at });
    expect(waiting.page.html).toContain(`max="${day(7 * DAY)}"`);
    expect((await decide(waiting, { expires: day(8 * DAY) })).status).toBe(400);
    const { expires_at } = await whoami(waiting, await decide(waiting, { expires: day(6 * DAY) }), at);
    expect(expires_at).toBe(`${day(6 * DAY)}T23:59:59.000Z`);
  });

  test('can be less than a day where the setting is', async () => {
    const at = gateWith({ TOKENS: JSON.stringify({ grant: 3600 }) });
    const waiting = await openConsent({ gate: at });
    const { expires_at } = await whoami(waiting, await decide(waiting, { expires: day(DAY) }), at);
    expect(seconds(expires_at) - Date.now() / 1000).toBeLessThanOrEqual(3600);
  });
});

describe('Cancel', () => {
  test('sends the client access_denied with state and iss, and allows nothing', async () => {
    const waiting = await openConsent({ user: { name: 'Somebody who declines' } });
    const page = await decide(waiting, { decision: 'deny' });
    expect(page.status).toBe(303);
    const url = new URL(locationOf(page));
    expect(url.origin + url.pathname).toBe('http://127.0.0.1:9999/callback');
    expect(url.searchParams.get('error')).toBe('access_denied');
    expect(url.searchParams.get('state')).toBe('a state');
    expect(url.searchParams.get('iss')).toBe('http://localhost:8787');
    expect(url.searchParams.has('code')).toBe(false);
    expect(await accountOf(userOf(waiting)).listGrants()).toEqual([]);
  });

  test('works whatever else is in the form', async () => {
    const page = await decide(await openConsent(), { decision: 'deny', scope: [], expires: 'nonsense' });
    expect(new URL(locationOf(page)).searchParams.get('error')).toBe('access_denied');
  });
});

/** The user id of whoever is signed in at a browser. */
function userOf({ browser }: Waiting): string {
  const cookie = browser.cookies.get('gatehouse-sign-in') ?? '';
  return `${cookie.split('.')[0]}:`;
}

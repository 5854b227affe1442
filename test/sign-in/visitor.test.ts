import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { browserAs, callApi, formOf, keyGate, makeKey, signInBy, whoIn } from '../fixtures/keys';
import { expectInvalidGrant } from '../fixtures/refusals';
import {
  type Authorized,
  Browser,
  callMcp,
  connect,
  formWith,
  type Gate,
  grantIdOf,
  locationOf,
  postForm,
  redeem,
  refresh,
  revoke,
  textOf,
  tokensOf,
} from '../fixtures/worker';
import { decide, openConsent, openFlow } from '../oauth/pages';
import { TOKEN_EXCHANGE, TYPE } from '../oauth/token/issuers';

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  startClock();
});

const at = keyGate();

async function visitor(label = '', gate: Gate = at, browser = new Browser(gate)): Promise<Browser> {
  await signInBy(browser, { method: 'skip', label });
  return browser;
}

const who = async (token: string, gate = at) => whoIn(await callMcp(token, { gate }));
const nameOf = async (browser: Browser) => textOf((await browser.visit('/sign-in')).html);

/** Signs out, and in again as that user, up to the question or past it. */
async function signInAs(browser: Browser, name: string) {
  await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
  return signInBy(browser, { method: 'local', name });
}

describe('skip', () => {
  test('makes a visitor of anyone who presses it, who can only read', async () => {
    const browser = await visitor('Eve');
    const { tokens } = await connect({ browser, scope: ['mcp:destructive'] });
    expect(await who(tokens.access_token)).toMatchObject({
      user: { name: 'Eve (visitor, not verified)', email_verified: false },
      role: 'viewer',
      scope: 'mcp:read',
    });
  });

  test.each([
    ['DEFAULT_ROLE', { DEFAULT_ROLE: 'admin' }, 'viewer'],
    ['a rule for others', { ROLES: [{ role: 'owner', methods: ['local'] }] }, 'viewer'],
    ['a rule that names skip', { ROLES: [{ role: 'member', methods: ['skip'] }] }, 'member'],
  ])('gives what %s gives a visitor', async (_what, settings, role) => {
    const gate = keyGate(settings);
    const { tokens } = await connect({ browser: await visitor('', gate) });
    expect((await who(tokens.access_token, gate)).role).toBe(role);
  });

  test.each([
    ['nothing', '', 'Visitor (not verified)'],
    ['spaces', '   ', 'Visitor (not verified)'],
    ['a claim to be verified', 'Ada (verified)', 'Ada (verified) (visitor, not verified)'],
    ['what would turn the mark round', 'Ada\u202e\u2066\n\0', 'Ada (visitor, not verified)'],
    ['more than a page shows', 'x'.repeat(500), `${'x'.repeat(40)} (visitor, not verified)`],
    ['markup', '<b>Ada</b>', '<b>Ada</b> (visitor, not verified)'],
  ])('marks the name whatever it is: %s', async (_what, label, name) => {
    const browser = await visitor(label);
    const { tokens } = await connect({ browser });
    expect((await who(tokens.access_token)).user.name).toBe(name);
    const { page } = await openConsent({ browser });
    expect(page.html).toContain('not verified)</bdi>');
    expect(page.html).not.toContain('<b>Ada</b>');
  });

  test('in the same browser is the same visitor, after sign-out and after days too', async () => {
    const browser = await visitor('Eve');
    const first = await connect({ browser });
    const { id } = (await who(first.tokens.access_token)).user;
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    pass(20 * 86_400);
    await visitor('', at, browser);
    expect(await nameOf(browser)).toContain('Eve (visitor, not verified)');
    const second = await connect({ browser });
    expect((await who(second.tokens.access_token)).user.id).toBe(id);
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    await visitor('Mallory', at, browser);
    expect((await who(second.tokens.access_token)).user).toMatchObject({
      id,
      name: 'Mallory (visitor, not verified)',
    });
  });

  test('elsewhere is another visitor, the same name or not; and no user of that name', async () => {
    const one = await connect({ browser: await visitor('Ada') });
    const two = await connect({ browser: await visitor('Ada') });
    const ada = await connect({ browser: await browserAs('Ada', at) });
    const ids = await Promise.all(
      [one, two, ada].map(async ({ tokens }) => (await who(tokens.access_token)).user.id),
    );
    expect(new Set(ids).size).toBe(3);
  });

  test('believes no cookie that it did not make', async () => {
    const browser = await visitor('Eve');
    const cookie = browser.cookies.get('gatehouse-visitor') ?? '';
    const { user } = await who((await connect({ browser })).tokens.access_token);
    const [userId = '', secret = ''] = cookie.split('.');
    for (const made of [userId, `${userId}.x`, `${userId}.${secret}x`, `x.${secret}`, `${cookie}.x`]) {
      const thief = new Browser(at);
      thief.cookies.set('gatehouse-visitor', made);
      await visitor('Eve', at, thief);
      expect((await who((await connect({ browser: thief })).tokens.access_token)).user.id).not.toBe(user.id);
    }
  });

  test('is absent and refused where nobody named it', async () => {
    const closed = keyGate({ SIGN_IN: { methods: ['local', 'key'] } });
    const { browser, page } = await openFlow({ gate: closed });
    expect(page.forms.map(({ hidden }) => hidden.method)).toEqual(['local', 'key']);
    const refused = await browser.submit(formOf(page, 'local'), { method: 'skip', label: 'Eve' });
    expect(refused.status).toBe(400);
    expect(refused.headers.get('set-cookie')).toBeNull();
  });
});

test('a visitor is nobody once the settings no longer name skip, and the same one when they do again', async () => {
  const roles = [{ role: 'member', methods: ['skip'] }];
  const servers = [{ name: 'notes', binding: 'MUTE', auth: 'none', roles }];
  const closed = keyGate({ SIGN_IN: { methods: ['local', 'key'] }, ROLES: roles, SERVERS: servers });
  const { tokens } = await connect({ browser: await visitor('Eve') });
  expect((await callMcp(tokens.access_token, { gate: closed })).status).toBe(401);
  expect((await who(tokens.access_token)).user.name).toBe('Eve (visitor, not verified)');
});

describe('signing in later', () => {
  /** A visitor with an app, who has just signed in as that user and stands before the question. */
  async function asked(name: string) {
    const browser = await visitor('Eve');
    const app = await connect({ browser });
    const page = await signInAs(browser, name);
    const question = await browser.visit(locationOf(page));
    return { browser, app, page, question };
  }
  const answer = (browser: Browser, page: Parameters<typeof formWith>[0], decision: string) =>
    browser.submit(formWith(page, 'decision'), { decision });

  test('asks, names the apps, and says whose they would be', async () => {
    const { page, question } = await asked('Hal');
    expect(page.location).toMatch(/^\/sign-in\/visitor\?flow=/);
    const text = textOf(question.html);
    for (const words of ['Hal', 'Eve (visitor, not verified)', 'Test client', 'Keep it only if that was you'])
      expect(text).toContain(words);
  });

  test('and taking it along: the tokens at hand act as the user, and go on being refreshed', async () => {
    const { browser, app, question } = await asked('Ian');
    const before = await who(app.tokens.access_token);
    expect((await answer(browser, question, 'take')).location).toBe('/sign-in');
    const after = await who(app.tokens.access_token);
    expect(after).toMatchObject({ user: { name: 'Ian' }, role: 'owner', scope: before.scope });
    expect(after.user.id).not.toBe(before.user.id);
    const next = tokensOf(await refresh(app, app.tokens.refresh_token));
    expect((await who(next.access_token)).user.id).toBe(after.user.id);
    // A lost answer asked for again, and the one after it.
    expect(tokensOf(await refresh(app, app.tokens.refresh_token)).refresh_token).toBe(next.refresh_token);
    const third = tokensOf(await refresh(app, next.refresh_token));
    expect((await who(third.access_token)).user.name).toBe('Ian');
  });

  test('and then it is the user’s to see and to end', async () => {
    const { browser, app, question } = await asked('Joe');
    await answer(browser, question, 'take');
    const id = grantIdOf(app.tokens.access_token);
    const { body } = await callApi(browser, '/api/grants');
    expect((body.items as { id: string }[]).map((item) => item.id)).toEqual([id]);
    expect((await callApi(browser, `/api/grants/${id}`, 'DELETE')).status).toBe(204);
    expect((await callMcp(app.tokens.access_token, { gate: at })).status).toBe(401);
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
  });

  test('and the app can still end it by itself, and a code on its way is redeemed', async () => {
    const browser = await visitor('Eve');
    const app = await connect({ browser });
    const waiting = await openConsent({ browser });
    const decided = await decide(waiting, { scope: ['mcp:read'] });
    const callback = new URL(locationOf(decided));
    const code: Authorized = {
      ...waiting,
      gate: at,
      callback,
      code: callback.searchParams.get('code') ?? '',
    };
    const question = await browser.visit(locationOf(await signInAs(browser, 'Kim')));
    await answer(browser, question, 'take');
    const late = tokensOf(await redeem(code));
    expect((await who(late.access_token)).user.name).toBe('Kim');
    await revoke(app, app.tokens.refresh_token);
    expect((await callMcp(app.tokens.access_token, { gate: at })).status).toBe(401);
    expect((await callMcp(late.access_token, { gate: at })).status).toBe(200);
  });

  test('and a token that was exchanged before still ends with the one that it was made from', async () => {
    const { browser, app, question } = await asked('Liv');
    const { body } = await postForm(
      '/oauth/token',
      {
        grant_type: TOKEN_EXCHANGE,
        client_id: app.client.client_id,
        subject_token: app.tokens.access_token,
        subject_token_type: `${TYPE}access_token`,
      },
      at,
    );
    const narrower = String(body.access_token);
    await answer(browser, question, 'take');
    expect((await who(narrower)).user.name).toBe('Liv');
    await revoke(app, app.tokens.access_token);
    expect((await callMcp(narrower, { gate: at })).status).toBe(401);
    expect((await refresh(app, app.tokens.refresh_token)).status).toBe(200);
  });

  test('and leaving it: the app stays the visitor’s, and is asked about the next time', async () => {
    const { browser, app, question } = await asked('Leo');
    expect((await answer(browser, question, 'leave')).location).toBe('/sign-in');
    expect((await who(app.tokens.access_token)).user.name).toBe('Eve (visitor, not verified)');
    expect((await callApi(browser, '/api/grants')).body.items).toEqual([]);
    expect((await signInAs(browser, 'Leo')).location).toMatch(/^\/sign-in\/visitor/);
  });

  test('is not asked where there is nothing to take, nor elsewhere, nor of a key', async () => {
    const empty = await visitor('Eve');
    expect((await signInAs(empty, 'Max')).location).toBe('/sign-in');
    await asked('Max');
    expect((await signInAs(new Browser(at), 'Max')).location).toBe('/sign-in');
    const { key } = await makeKey(await browserAs('Max', at));
    const browser = await visitor('Eve');
    await connect({ browser });
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    const page = await signInBy(browser, { method: 'key', access_key: key });
    expect(page.location).toBe('/sign-in');
    const { url } = await openFlow({ browser });
    const question = await browser.visit(url.replace('/authorize', '/sign-in/visitor'));
    expect([question.status, question.location]).toEqual([303, url]);
  });

  test('is a form that no other site, user or browser can post', async () => {
    const { browser, app, question } = await asked('Ned');
    const { action, hidden } = formWith(question, 'decision');
    const post = (from: Browser, fields: Record<string, string>, origin = at.origin) =>
      from.visit(action, {
        method: 'POST',
        body: new URLSearchParams({ ...fields, decision: 'take' }),
        headers: { origin },
      });
    expect((await post(browser, hidden, 'https://evil.example')).status).toBe(403);
    expect((await post(browser, {})).status).toBe(403);
    expect((await post(new Browser(at), hidden)).status).toBe(403);
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    expect((await post(browser, hidden)).status).toBe(403);
    await signInBy(browser, { method: 'local', name: 'Olga' });
    expect((await post(browser, hidden)).status).toBe(403);
    expect((await who(app.tokens.access_token)).user.name).toBe('Eve (visitor, not verified)');
  });

  test('once taken along, the browser’s next visitor is another', async () => {
    const { browser, app, question } = await asked('Pia');
    const copied = browser.cookies.get('gatehouse-visitor') ?? '';
    await answer(browser, question, 'take');
    expect(browser.cookies.has('gatehouse-visitor')).toBe(false);
    const thief = new Browser(at);
    thief.cookies.set('gatehouse-visitor', copied);
    await visitor('Eve', at, thief);
    const { tokens } = await connect({ browser: thief });
    const [mine, theirs] = [await who(app.tokens.access_token), await who(tokens.access_token)];
    expect([mine.user.name, theirs.user.name]).toEqual(['Pia', 'Eve (visitor, not verified)']);
    expect((await callApi(thief, '/api/grants')).body.items).toHaveLength(1);
  });

  test('from the page that says who is signed in, without signing out first', async () => {
    const browser = await visitor('Eve');
    expect((await browser.visit('/sign-in')).html).toContain('href="/sign-in?as=user"');
    const page = await browser.visit(locationOf(await browser.visit('/sign-in?as=user')));
    expect(page.forms.map(({ hidden }) => hidden.method)).toContain('local');
    const user = await browserAs('Quin', at);
    expect((await user.visit('/sign-in?as=user')).status).toBe(200);
  });
});

import { describe, expect, test } from 'vitest';
import {
  Browser,
  callMcp,
  connect,
  formWith,
  gate,
  gateWith,
  locationOf,
  type Page,
  textOf,
} from '../fixtures/worker';
import { openConsent, openFlow } from '../oauth/pages';

function expectPage(page: Page, status: number, title: string): void {
  expect([page.status, page.location]).toEqual([status, undefined]);
  expect(textOf(page.html)).toContain(title);
}

async function openSignIn(browser = new Browser()): Promise<{ browser: Browser; page: Page; url: string }> {
  const url = locationOf(await browser.visit('/sign-in'));
  return { browser, url, page: await browser.visit(url) };
}

async function signIn(name: string, browser = new Browser()): Promise<Browser> {
  const { page } = await openSignIn(browser);
  await browser.submit(formWith(page, 'method'), { method: 'local', name });
  return browser;
}

describe('/sign-in', () => {
  test('by itself ends at a page that says who is signed in', async () => {
    const { browser, page } = await openSignIn();
    const done = await browser.submit(formWith(page, 'method'), { method: 'local', name: 'Ada' });
    expect([done.status, done.location]).toEqual([303, '/sign-in']);
    expect(textOf((await browser.visit('/sign-in')).html)).toContain('You’re signed in as Ada');
  });

  test('for an app says which one waits, and goes back to its consent', async () => {
    const { browser, page, url } = await openFlow();
    expect(textOf(page.html)).toContain('Test client is waiting for you to sign in.');
    const done = await browser.submit(formWith(page, 'method'), { method: 'local', name: 'Ada' });
    expect([done.status, done.location]).toEqual([303, url]);
    expect(formWith(await browser.visit(url), 'decision').names).toContain('scope');
  });

  test.each([
    ['skip, which nobody named', 'skip'],
    ['a key', 'key'],
    ['a provider where none is', 'oidc'],
    ['one that is unknown', 'nonsense'],
    ['none', ''],
    ['a property of every object', 'constructor'],
    ['another case', 'Local'],
  ])('takes no method that is not offered: %s', async (_what, method) => {
    const { browser, page } = await openSignIn();
    const fields = { method, name: 'Eve', label: 'Eve', access_key: 'x', provider: 'acme' };
    const refused = await browser.submit(formWith(page, 'method'), fields);
    expectPage(refused, 400, 'You can’t sign in that way here');
    expect(refused.headers.get('set-cookie')).toBeNull();
    expect((await browser.visit('/sign-in')).status).toBe(303);
  });

  test('does not offer what is not named', async () => {
    const { page } = await openSignIn();
    expect(page.forms.map(({ hidden }) => hidden.method)).toEqual(['local']);
  });

  test('takes no provider that is not in the settings', async () => {
    const oidc = [{ name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate' }];
    const at = gateWith({ SIGN_IN: JSON.stringify({ methods: ['oidc', 'local'], oidc }) });
    for (const provider of ['evil', '', 'constructor', 'local', 'https://evil.example']) {
      const { browser, page } = await openSignIn(new Browser(at));
      const refused = await browser.submit(formWith(page, 'method'), { method: 'oidc', provider });
      expectPage(refused, 400, 'You can’t sign in that way here');
    }
  });

  test('is a form that no other site can post', async () => {
    const { browser, page, url } = await openSignIn();
    const { csrf = '' } = formWith(page, 'method').hidden;
    const post = (fields: Record<string, string>, origin: string) => {
      const body = new URLSearchParams({ method: 'local', name: 'Eve', ...fields });
      return browser.visit(url, { method: 'POST', body, headers: { origin } });
    };
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:8787']) {
      expectPage(await post({ csrf }, origin), 403, 'We couldn’t accept that form');
    }
    const other = await openSignIn(browser);
    for (const token of ['', 'wrong', formWith(other.page, 'method').hidden.csrf ?? '']) {
      expectPage(await post({ csrf: token }, gate.origin), 403, 'We couldn’t accept that form');
    }
    expect((await browser.visit('/sign-in')).status).toBe(303);
  });

  test('of one browser can’t be answered in another', async () => {
    const { page, url } = await openSignIn();
    const other = new Browser();
    expectPage(await other.visit(url), 403, 'This was started in another browser');
    const answer = { method: 'local', name: 'Eve' };
    expectPage(
      await other.submit(formWith(page, 'method'), answer),
      403,
      'This was started in another browser',
    );
  });

  test('without a flow is nothing that can be posted to', async () => {
    const body = new URLSearchParams({ method: 'local', name: 'Eve' });
    const page = await new Browser().visit('/sign-in', { method: 'POST', body });
    expectPage(page, 400, 'We couldn’t find this sign-in');
  });

  test('is 400 when the body is no form', async () => {
    const { browser, url } = await openSignIn();
    const headers = { origin: gate.origin, 'content-type': 'application/json' };
    const page = await browser.visit(url, { method: 'POST', body: '{"method":"local"}', headers });
    expectPage(page, 400, 'We couldn’t read that form');
  });
});

describe('/sign-in/callback', () => {
  test.each([
    ['no state', ''],
    ['a state that is none of ours', '?state=nonsense.x&code=y'],
    ['an error', '?error=access_denied'],
    ['markup', '?state=<script>alert(1)</script>.x&error_description=<script>alert(1)</script>'],
  ])('that nobody was sent to is a page: %s', async (_what, query) => {
    const page = await new Browser().visit(`/sign-in/callback${query}`);
    expectPage(page, 400, 'We couldn’t find this sign-in');
    expect(page.html).not.toContain('<script');
  });

  test('with a flow in which nobody was sent to a provider signs nobody in', async () => {
    const { browser, url } = await openSignIn();
    const page = await browser.visit(`/sign-in/callback?code=x&state=${url.split('=')[1]}.random`);
    expectPage(page, 400, 'We couldn’t find this sign-in');
    expect(browser.cookies.has('gatehouse-sign-in')).toBe(false);
  });
});

describe('/sign-out', () => {
  test('asks first: a link signs nobody out', async () => {
    const browser = await signIn('Ada');
    const page = await browser.visit('/sign-out');
    expect(textOf(page.html)).toContain('You’re signed in as Ada');
    expect(textOf((await browser.visit('/sign-in')).html)).toContain('You’re signed in as Ada');
    const done = await browser.submit(page.forms[0] ?? { action: '', hidden: {}, names: [] });
    expectPage(done, 200, 'You’re signed out on this browser');
    expect((await browser.visit('/sign-in')).status).toBe(303);
  });

  test('is nothing that another site can do', async () => {
    const browser = await signIn('Ada');
    for (const origin of ['https://evil.example', 'null']) {
      const page = await browser.visit('/sign-out', { method: 'POST', headers: { origin } });
      expectPage(page, 403, 'We couldn’t accept that form');
    }
    expect((await browser.visit('/sign-in')).status).toBe(200);
  });

  test('is fine where nobody is signed in', async () => {
    expectPage(await new Browser().visit('/sign-out'), 200, 'You’re signed out on this browser');
    const headers = { origin: gate.origin };
    expectPage(
      await new Browser().visit('/sign-out', { method: 'POST', headers }),
      200,
      'You’re signed out on this browser',
    );
  });

  test('leaves the apps alone', async () => {
    const { browser, tokens } = await connect();
    await browser.visit('/sign-out', { method: 'POST', headers: { origin: gate.origin } });
    expect((await callMcp(tokens.access_token)).status).toBe(200);
  });

  test('from the consent page lets another person go on with the same request', async () => {
    const waiting = await openConsent({ user: { name: 'Ada' } });
    const { browser, page, url } = waiting;
    const switchForm = page.forms.find(({ action }) => action === '/sign-out');
    const back = await browser.submit(switchForm ?? { action: '', hidden: {}, names: [] });
    expect([back.status, back.location]).toEqual([303, url]);
    const signInPage = await browser.visit(url);
    expect(textOf(signInPage.html)).not.toContain('Ada');
    await browser.submit(formWith(signInPage, 'method'), { method: 'local', name: 'Bob' });
    const consent = await browser.visit(url);
    expect(textOf(consent.html)).toContain('Bob');
    const allowed = await browser.submit(formWith(consent, 'decision'), {
      scope: 'mcp:read',
      decision: 'allow',
    });
    expect(new URL(locationOf(allowed)).searchParams.has('code')).toBe(true);
  });

  test.each([
    ['that we never made', 'nonsense'],
    ['of another site', 'https://evil.example/'],
    ['with two slashes', '//evil.example'],
    ['that is empty', ''],
  ])('goes on to nothing but a flow of ours: one %s', async (_what, flow) => {
    const browser = await signIn('Ada');
    const body = new URLSearchParams({ flow });
    const page = await browser.visit('/sign-out', { method: 'POST', body, headers: { origin: gate.origin } });
    expectPage(page, 400, 'We couldn’t find this sign-in');
    expect((await browser.visit('/sign-in')).status).toBe(303);
  });
});

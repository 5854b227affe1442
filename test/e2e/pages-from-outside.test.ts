import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseDocument } from '../../scripts/lib/html';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import { type Gate, startGate } from './harness/gate';
import { type PublicClient, registerClient } from './harness/oauth';
import { allow, sees, typeName } from './harness/person';
import { ask, makeRequest } from './harness/request';
import { plainGate } from './harness/shared';
import { type OtherSite, startOtherSite } from './harness/site';

let gate: Gate;
let browser: TestBrowser;
let callback: Callback;
let client: PublicClient;
let page: Page;
let evil: OtherSite;

beforeAll(async () => {
  [gate, browser, callback, evil] = await Promise.all([
    plainGate(),
    launchBrowser(),
    startCallback(),
    startOtherSite(),
  ]);
  client = await registerClient(gate.origin, callback.uri);
});
afterAll(async () => {
  await Promise.all([browser?.close(), callback?.close(), evil?.close()]);
});
beforeEach(async ({ onTestFinished }) => {
  page = await browser.newPage();
  const profile = page.context();
  onTestFinished(() => profile.close());
});

describe('another site', () => {
  test.each(['front page', 'sign-in', 'consent', 'error page'])('can’t frame: %s', async (what) => {
    await ask(page, gate, client);
    const signIn = page.url();
    if (what === 'consent') await typeName(page, { name: 'Ada' });
    const address = { 'front page': gate.origin, 'error page': `${gate.origin}/authorize` }[what] ?? signIn;
    const headers = (await page.goto(address))?.headers();
    expect(headers?.['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers?.['x-frame-options']).toBe('DENY');
    expect(await frame(address)).toMatch(/^chrome-error:/);
    // What may be framed is framed: the frame itself works.
    expect(await frame(`${gate.origin}/health`)).toContain('/health');
  });

  async function frame(address: string): Promise<string> {
    const tab = await browser.newPage({ context: page.context() });
    evil.show(`<iframe src="${address}"></iframe>`);
    await tab.goto(`${evil.origin}/`);
    const url = tab.frames()[1]?.url() ?? 'no frame';
    await tab.close();
    return url;
  }

  test('can’t press Allow: its form is refused, and the person’s own still works', async () => {
    const { whoami } = await ask(page, gate, client);
    await typeName(page, { name: 'Ada' });
    const fields = await page
      .locator('form:has([name=decision])')
      .evaluate((form) => [...form.querySelectorAll('input')].map((input) => input.outerHTML).join(''));
    const tab = await browser.newPage({ context: page.context() });
    evil.show(
      `<form method="post" action="${page.url()}">${fields}<button name="decision" value="allow">Win a prize</button></form>`,
    );
    await tab.goto(`${evil.origin}/`);
    await tab.getByRole('button', { name: 'Win a prize' }).click();
    await sees(tab, 'We couldn’t accept that form');
    await page.bringToFront();
    expect(await whoami(await allow(page, callback))).toMatchObject({ user: { name: 'Ada' } });
  });

  test('can’t sign a person out, nor in as somebody else', async () => {
    await ask(page, gate, client);
    await typeName(page, { name: 'Ada' });
    for (const [path, name] of [
      ['/sign-out', 'a'],
      [`/sign-in${new URL(page.url()).search}`, 'Mallory'],
    ]) {
      const tab = await browser.newPage({ context: page.context() });
      evil.show(
        `<form method="post" action="${gate.origin}${path}"><input name="method" value="local"><input name="name" value="${name}"><button>Win</button></form>`,
      );
      await tab.goto(`${evil.origin}/`);
      await tab.getByRole('button', { name: 'Win' }).click();
      await sees(tab, 'We couldn’t accept that form');
      await tab.close();
    }
    await page.goto(`${gate.origin}/sign-in`);
    await sees(page, 'You’re signed in as Ada');
  });

  test('learns nothing from the Referer of a link on our pages', async () => {
    await ask(page, gate, client);
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<a href="${evil.origin}/">out</a>')`);
    const leaving = page.waitForRequest(`${evil.origin}/`);
    await page.getByText('out', { exact: true }).click();
    expect(await (await leaving).headerValue('referer')).toBeNull();
  });
});

describe('cookies', () => {
  test('on loopback: none is readable by scripts, none goes along from other sites', async () => {
    await ask(page, gate, client);
    await typeName(page, { name: 'Ada' });
    const cookies = await page.context().cookies();
    expect(cookies.map(({ name }) => name).sort()).toEqual([
      expect.stringMatching(/^gatehouse-flow-/),
      'gatehouse-sign-in',
    ]);
    for (const cookie of cookies) {
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/', domain: 'localhost' });
    }
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  describe('on a public host', () => {
    const PUBLIC = 'https://gate.example';
    let deployment: Gate;
    beforeAll(async () => {
      deployment = await startGate({ vars: { PUBLIC_URL: PUBLIC, SIGN_IN: { methods: ['skip'] } } });
    });
    afterAll(() => deployment?.stop());

    /** A request as the proxy of {@link PUBLIC} hands it on. */
    function send(address: string, cookies: string[] = [], form?: Record<string, string>): Promise<Response> {
      const { pathname, search } = new URL(address, PUBLIC);
      return fetch(`${deployment.origin}${pathname}${search}`, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { cookie: cookies.map((cookie) => cookie.split(';')[0]).join('; '), origin: PUBLIC },
        ...(form ? { body: new URLSearchParams(form) } : {}),
      });
    }

    test('all carry the __Host- prefix, Secure, HttpOnly, SameSite and no Domain', async () => {
      const app = await registerClient(deployment.origin, callback.uri);
      const { params } = makeRequest(deployment, app);
      const begun = await send(`/authorize?${new URLSearchParams(params)}`);
      const cookies = begun.headers.getSetCookie();
      const location = begun.headers.get('location') ?? '';
      expect(location).toMatch(/^(https:\/\/gate\.example)?\/authorize\?flow=/);
      const shown = await (await send(location, cookies)).text();
      const [form] = parseDocument(shown, new URL(location, PUBLIC)).forms;
      const csrf = form?.controls.find(({ name }) => name === 'csrf')?.value ?? '';
      const signedIn = await send(`${form?.action}`, cookies, { csrf, method: 'skip' });
      const all = [...cookies, ...signedIn.headers.getSetCookie()];
      expect(all.map((cookie) => cookie.split('=')[0]).sort()).toEqual([
        expect.stringMatching(/^__Host-gatehouse-flow-/),
        '__Host-gatehouse-sign-in',
        '__Host-gatehouse-visitor',
      ]);
      for (const cookie of all) {
        for (const attribute of [/; ?HttpOnly/i, /; ?Secure/i, /; ?SameSite=Lax/i, /; ?Path=\/(;|$)/i]) {
          expect(cookie).toMatch(attribute);
        }
        expect(cookie).not.toMatch(/Domain/i);
      }
    });
  });
});

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import { type Gate, startGate } from './harness/gate';
import { type PublicClient, registerClient } from './harness/oauth';
import { allow, sees, typeName } from './harness/person';
import { ask } from './harness/request';
import { plainGate } from './harness/shared';

/** Seconds that a person has on `hasty`: enough for a page to come. */
const HASTY = 8;

let gate: Gate;
let hasty: Gate;
let browser: TestBrowser;
let callback: Callback;
let client: PublicClient;
let page: Page;

beforeAll(async () => {
  [gate, hasty, browser] = await Promise.all([
    plainGate(),
    startGate({ vars: { TOKENS: { request: HASTY } } }),
    launchBrowser(),
  ]);
});
afterAll(async () => {
  await Promise.all([hasty?.stop(), browser?.close()]);
});
beforeEach(async ({ onTestFinished }) => {
  callback = await startCallback();
  client = await registerClient(gate.origin, callback.uri);
  page = await browser.newPage();
  const [profile, { close }] = [page.context(), callback];
  onTestFinished(async () => {
    await Promise.all([profile.close(), close()]);
  });
});

async function consent(name = 'Ada') {
  const begun = await ask(page, gate, client);
  await typeName(page, { name });
  return begun;
}

/** A second tab of the same browser. */
function newTab(): Promise<Page> {
  return browser.newPage({ context: page.context() });
}

describe('without a mouse, without a script', () => {
  test('by keyboard alone: every stop can be seen, Space ticks, Enter allows', async () => {
    const { whoami } = await ask(page, gate, client);
    await page.waitForSelector('[name=name]:focus');
    await page.keyboard.type('Ada');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[name=decision]');
    await tabTo(page, '[name=scope][value="mcp:write"]');
    await page.keyboard.press('Space');
    await tabTo(page, '[name=scope][value="mcp:read"]', 'Shift+Tab');
    await tabTo(page, '[name=decision][value=allow]');
    await page.keyboard.press('Enter');
    expect(await whoami(await callback.next())).toMatchObject({ scope: 'mcp:read' });
  });

  test('Enter in a field of the consent page allows nothing', async () => {
    await consent();
    await page.getByLabel('Access ends on').press('Enter');
    expect((await callback.next()).searchParams.get('error')).toBe('access_denied');
  });

  test.each([false, true])('without JavaScript (phone: %s) the whole way works', async (phone) => {
    const plain = await browser.newPage({ noScript: true, phone });
    const { whoami } = await ask(plain, gate, client);
    await typeName(plain, { name: 'Ada', email: 'ada@lovelace.example' });
    expect(await whoami(await allow(plain, callback))).toMatchObject({
      user: { name: 'Ada', email: 'ada@lovelace.example' },
    });
    await plain.context().close();
  });
});

describe('impatient and absent-minded people', () => {
  test('a double click on Allow brings the client one good code', async () => {
    const { whoami } = await consent();
    // The way to the gate takes longer than a person takes for the second click.
    await page.route('**/authorize?flow=*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await route.continue();
    });
    await page.getByRole('button', { name: 'Allow' }).dblclick();
    expect(await whoami(await callback.next())).toMatchObject({ user: { name: 'Ada' } });
  });

  test('Back after Allow says that it was answered, and asks nothing again', async () => {
    const { whoami } = await consent();
    await page.getByRole('button', { name: 'Allow' }).click();
    const back = await callback.next();
    await page.waitForURL(/\/callback/);
    await page.goBack();
    await sees(page, 'You’ve already answered this');
    expect(await whoami(back)).toMatchObject({ user: { name: 'Ada' } });
  });

  test('Back from consent to the sign-in page, and forward again, loses nothing', async () => {
    const { whoami } = await consent();
    await page.goBack();
    await page.goForward();
    expect(await whoami(await allow(page, callback))).toMatchObject({ user: { name: 'Ada' } });
  });

  test('the consent page can be reloaded', async () => {
    const { whoami } = await consent();
    await page.reload();
    expect(await whoami(await allow(page, callback))).toMatchObject({ user: { name: 'Ada' } });
  });

  test('what was selected stays selected when something else was wrong', async () => {
    const { whoami } = await consent();
    await page.locator('[value="mcp:destructive"]').check();
    await page.getByLabel('Access ends on').evaluate((input) => input.setAttribute('type', 'text'));
    await page.getByLabel('Access ends on').fill('2001-01-01');
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await page.getByRole('alert').innerText()).toContain('Choose a date');
    await page.getByLabel('Access ends on').fill(tomorrow());
    const back = await allow(page, callback, ['mcp:destructive']);
    expect(await whoami(back)).toMatchObject({ scope: 'mcp:read mcp:write mcp:destructive' });
  });

  test('two requests in two tabs of one browser don’t take each other’s place', async () => {
    const tab = await newTab();
    const [one, two] = [await ask(page, gate, client), await ask(tab, gate, client)];
    await page.bringToFront();
    await typeName(page, { name: 'Ada' });
    const first = await allow(page, callback);
    await tab.bringToFront();
    await tab.reload();
    const second = await allow(tab, callback);
    expect([first, second].map((url) => url.searchParams.get('state'))).toEqual([
      one.params.state,
      two.params.state,
    ]);
    expect((await one.whoami(first)).user).toEqual((await two.whoami(second)).user);
  });

  test('one request in two tabs is answered once', async () => {
    const { whoami } = await consent();
    const tab = await newTab();
    await tab.goto(page.url());
    await page.bringToFront();
    const back = await allow(page, callback);
    await tab.bringToFront();
    await tab.getByRole('button', { name: 'Cancel' }).click();
    await sees(tab, 'You’ve already answered this');
    expect(await whoami(back)).toMatchObject({ user: { name: 'Ada' } });
  });

  test('a consent page that was open while somebody else signed in allows nothing in their name', async () => {
    const { whoami } = await consent('Ada');
    const tab = await newTab();
    await tab.goto(page.url());
    await tab.getByRole('button', { name: 'Use another account' }).click();
    await typeName(tab, { name: 'Grace' });
    await page.bringToFront();
    await page.getByRole('button', { name: 'Allow' }).click();
    await sees(page, 'We couldn’t accept that form');
    await tab.bringToFront();
    expect(await whoami(await allow(tab, callback))).toMatchObject({ user: { name: 'Grace' } });
  });

  test('a person who takes too long is asked to go back to the app', async () => {
    await ask(page, hasty, await registerClient(hasty.origin, callback.uri));
    await page.waitForTimeout((HASTY + 1) * 1000);
    await typeName(page, { name: 'Ada' });
    await sees(page, 'This took too long');
    expect(await page.locator('main').innerText()).toContain('connect again');
  });
});

describe('the way back to the client', () => {
  test.each(['Allow', 'Cancel'])(
    'a client that sends the browser on, to another host, is reached (%s)',
    async (button) => {
      const last = await startCallback();
      const elsewhere = last.uri.replace('127.0.0.1', 'localhost');
      const relay = await startCallback({ answer: (url) => `${elsewhere}${url.search}` });
      await ask(page, gate, await registerClient(gate.origin, relay.uri));
      await typeName(page, { name: 'Ada' });
      await page.getByRole('button', { name: button }).click();
      await page.waitForURL(`${elsewhere}?*`);
      expect(await page.title()).toBe('Done');
      await Promise.all([last.close(), relay.close()]);
    },
  );
});

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
}

/** Presses Tab until an element has the focus; each stop must be outlined. */
async function tabTo(page: Page, selector: string, key = 'Tab'): Promise<void> {
  for (let stops = 0; stops < 40; stops++) {
    await page.keyboard.press(key);
    // The parts of a date field, its calendar among them, draw their focus themselves.
    const focus = await page.evaluate(`(() => {
      const at = document.activeElement;
      const seen = at.type === 'date' || getComputedStyle(at).outlineStyle !== 'none';
      return { there: at.matches(${JSON.stringify(selector)}), seen, html: at.outerHTML };
    })()`);
    const { there, seen, html } = focus as { there: boolean; seen: boolean; html: string };
    if (!seen) throw new Error(`no outline: ${html}`);
    if (there) return;
  }
  throw new Error(`Tab never came to ${selector}`);
}

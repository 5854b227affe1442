import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningOrchard } from '../../scripts/lib/orchard';
import { faultsOf } from './harness/audit';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import { type Gate, startGate } from './harness/gate';
import { type PublicClient, registerClient } from './harness/oauth';
import { press, sees, typeName } from './harness/person';
import { ask } from './harness/request';
import { servicesGate } from './harness/shared';

/* People who reload, go back, sign out in another tab, or come late: in a real browser, on a phone. */

let gate: Gate;
let orchard: RunningOrchard;
let browser: TestBrowser;
let callback: Callback;
let client: PublicClient;

beforeAll(async () => {
  [{ orchard }, browser, callback] = await Promise.all([servicesGate(), launchBrowser(), startCallback()]);
  const url = `${orchard.origin}/mcp`;
  const SERVERS = [
    { name: 'orchard', title: 'بستان الفواكه', url, auth: 'oauth' },
    { name: 'untitled', url, auth: 'oauth' },
    ...Array.from({ length: 28 }, (_, n) => ({ name: `s${n}`, title: 'W'.repeat(60), url, auth: 'api_key' })),
  ];
  gate = await startGate({ vars: { NAME: 'Acme', SIGN_IN: { methods: ['local', 'key', 'skip'] }, SERVERS } });
  const grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'];
  client = await registerClient(gate.origin, callback.uri, { client_name: 'Gardener', grant_types });
});
afterAll(async () => {
  await Promise.all([gate?.stop(), browser?.close(), callback?.close()]);
});

/** A new person's phone at this address. */
async function phoneAt(path: string, name: string): Promise<Page> {
  const page = await browser.newPage({ phone: true });
  await page.goto(`${gate.origin}${path}`);
  await typeName(page, { name });
  return page;
}

/** At the orchard: lets the gate in or not. */
async function answerThere(page: Page, decision: 'allow' | 'refuse') {
  await page.waitForURL((url) => url.origin === orchard.origin);
  await page.locator('[name=account]').fill('Ada');
  await page.locator(`[name=decision][value=${decision}]`).click();
  await page.waitForURL((url) => url.origin === gate.origin);
}

describe('a new key', () => {
  test('is made once, and shown once, however often its page is reloaded', async () => {
    const page = await phoneAt('/account/keys', 'Reloader');
    await page.getByLabel('What is it for?').fill('Laptop');
    await press(page, 'Create key');
    const key = await page.locator('#key').innerText();
    page.on('dialog', (dialog) => dialog.accept());
    for (const _ of [1, 2]) {
      await page.reload();
      await sees(page, 'Access keys');
      expect(await page.getByRole('alert').innerText()).toContain('This key was already created');
      expect(await page.content()).not.toContain(key);
      expect(await page.getByRole('button', { name: 'Revoke Laptop' }).count()).toBe(1);
    }
    // The form at hand makes another, and so does the one that Back leads to.
    await page.getByLabel('What is it for?').fill('Phone');
    await press(page, 'Create key');
    await sees(page, 'Your new key: Phone');
    await page.goto(`${gate.origin}/account/keys`);
    await page.getByLabel('What is it for?').fill('Tablet');
    await press(page, 'Create key');
    await page.goBack();
    await page.getByLabel('What is it for?').fill('Watch');
    await press(page, 'Create key');
    await sees(page, 'Your new key: Watch');
    await page.goto(`${gate.origin}/account/keys`);
    expect(await page.getByRole('button', { name: /^Revoke/ }).count()).toBe(4);
    await page.context().close();
  });

  test('is not made by a form that was open while its person signed out', async () => {
    const page = await phoneAt('/account/keys', 'Leaver');
    const other = await browser.newPage({ context: page.context() });
    await other.goto(`${gate.origin}/sign-in`);
    expect(await other.getByRole('link', { name: 'Your account' }).isVisible()).toBe(true);
    await press(other, 'Sign out');
    expect(await faultsOf(other)).toEqual([]);
    await page.getByLabel('What is it for?').fill('Nobody’s');
    await press(page, 'Create key');
    await sees(page, 'We couldn’t accept that form');
    await other.getByRole('link', { name: 'Sign in' }).click();
    await typeName(other, { name: 'Leaver' });
    await other.goto(`${gate.origin}/account/keys`);
    await other.getByText('You have no keys yet.').waitFor();
    await page.context().close();
  });
});

describe('a visitor', () => {
  test('sees what is theirs, and is led to sign in where keys are made; the offer names servers by title', async () => {
    const page = await browser.newPage({ phone: true });
    await page.goto(`${gate.origin}/account`);
    await press(page, 'Continue without signing in');
    expect(await page.getByRole('link', { name: 'Access keys' }).count()).toBe(0);
    expect(await faultsOf(page)).toEqual([]);
    await page.goto(`${gate.origin}/account/connections`);
    await press(page, 'Connect: بستان الفواكه');
    await answerThere(page, 'allow');
    await page.goto(`${gate.origin}/account/keys`);
    await sees(page, 'You can’t create keys here');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await typeName(page, { name: 'Ivy' });
    await sees(page, 'Keep what');
    await page.reload();
    expect(await page.getByRole('listitem').allInnerTexts()).toEqual(['بستان الفواكه']);
    await press(page, 'Keep it');
    await page.goto(`${gate.origin}/account/connections`);
    expect(await page.locator('.service').first().innerText()).toContain('connected');
    await page.context().close();
  });
});

describe('who refuses at the provider', () => {
  test('and reloads the page that says so can still try again', async () => {
    const page = await phoneAt('/connect/orchard', 'Refuser');
    await press(page, 'Continue to بستان الفواكه');
    await answerThere(page, 'refuse');
    await sees(page, 'wasn’t connected');
    await page.reload();
    await sees(page, 'We couldn’t find this sign-in');
    await page.getByRole('link', { name: 'Try again' }).click();
    await sees(page, 'Connect your');
    await press(page, 'Continue to بستان الفواكه');
    await answerThere(page, 'allow');
    await sees(page, 'is connected');
    await page.reload();
    await sees(page, 'You’ve already answered this');
    await page.context().close();
  });

  test('far down in the list of the account is back there afterwards', async () => {
    const page = await phoneAt('/account/connections?from=1000', 'Scroller');
    await page.getByText('24 more').click();
    await page.locator('[name=key]').first().fill('no-key');
    await page
      .getByRole('button', { name: /^Connect/ })
      .first()
      .click();
    await page.getByRole('alert').waitFor();
    expect(new URL(page.url()).search).toBe('?from=6');
    expect(await page.locator('[name=connect]').first().getAttribute('value')).toBe('s4');
    await page.goto(`${gate.origin}/account/connections?from=1`);
    await press(page, 'Connect: untitled');
    await answerThere(page, 'refuse');
    expect(await page.getByRole('alert').innerText()).toMatch(/untitled wasn’t connected.*try again\./);
    await press(page, 'Connect: untitled');
    await answerThere(page, 'allow');
    expect(await page.locator('.service').first().innerText()).toContain('connected');
    expect(new URL(page.url()).searchParams.get('from')).toBe('1');
    await page.context().close();
  });
});

test('who signs out in another tab while at the provider has nothing connected, and a way to go on', async () => {
  const page = await phoneAt('/connect/orchard', 'Away');
  await press(page, 'Continue to بستان الفواكه');
  const other = await browser.newPage({ context: page.context() });
  await other.goto(`${gate.origin}/sign-in`);
  await press(other, 'Sign out');
  await answerThere(page, 'allow');
  await sees(page, 'This link is for someone else');
  await page.getByRole('link', { name: 'Try again' }).click();
  await typeName(page, { name: 'Away' });
  await press(page, 'Continue to بستان الفواكه');
  await answerThere(page, 'allow');
  await sees(page, 'is connected');
  await page.context().close();
});

test('a link that fills in a code asks to compare it, no matter who made the link', async () => {
  for (const more of ['', '&id=made-up']) {
    const page = await phoneAt(`/device?user_code=BCDF-GHJK${more}`, 'Linked');
    await sees(page, 'Does your device show this code?');
    await page.context().close();
  }
});

test('thirty services with long names fit the page, and a device gets what was allowed after them', async () => {
  const asked = await fetch(`${gate.origin}/oauth/device_authorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: client.client_id }),
  });
  const { verification_uri_complete } = (await asked.json()) as { verification_uri_complete: string };
  const page = await browser.newPage({ phone: true });
  await page.goto(verification_uri_complete);
  await typeName(page, { name: `محمد ${'long '.repeat(18)}` });
  await sees(page, 'Does your device show this code?');
  await press(page, 'Continue');
  await sees(page, 'Gardener wants to use');
  await page.reload();
  await sees(page, 'Gardener wants to use');
  await page.goBack();
  await sees(page, 'Does your device show this code?');
  await page.goForward();
  await press(page, 'Allow');
  await sees(page, 'Connect your accounts');
  expect(await faultsOf(page)).toEqual([]);
  await page.reload();
  const second = await browser.newPage({ context: page.context() });
  await second.goto(page.url());
  await press(page, 'Skip for now');
  await sees(page, 'Your device is connected');
  await press(second, 'Skip for now');
  await sees(second, 'You’ve already answered this');
  await page.goto(verification_uri_complete);
  await press(page, 'Continue');
  await sees(page, 'You’ve already answered this');
  await page.context().close();
});

test('who changes identity on the services page in one tab has nothing submitted from the other', async () => {
  const page = await browser.newPage({ phone: true });
  const begun = await ask(page, gate, client);
  await typeName(page, { name: 'Ann' });
  await press(page, 'Allow');
  await sees(page, 'Connect your accounts');
  const other = await browser.newPage({ context: page.context() });
  await other.goto(page.url());
  await press(other, 'Use another account');
  await typeName(other, { name: 'Bea' });
  await sees(other, 'Gardener wants to use');
  await press(page, 'Finish');
  await sees(page, 'We couldn’t accept that form');
  await press(other, 'Allow');
  await press(other, 'Finish');
  expect(await begun.whoami(await callback.next())).toMatchObject({ user: { name: 'Bea' } });
  await page.context().close();
});

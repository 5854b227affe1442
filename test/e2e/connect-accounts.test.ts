import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningOrchard } from '../../scripts/lib/orchard';
import { faultsOf } from './harness/audit';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import type { Gate } from './harness/gate';
import {
  authorizationParams,
  exchangeCode,
  makePkce,
  type PublicClient,
  registerClient,
} from './harness/oauth';
import { press, sees, typeName } from './harness/person';
import { servicesGate } from './harness/shared';

/* People and their own accounts at a server that has an authorization server of its own, in a real browser. */

let gate: Gate;
let orchard: RunningOrchard;
let browser: TestBrowser;
let callback: Callback;
let client: PublicClient;

beforeAll(async () => {
  [{ gate, orchard }, browser, callback] = await Promise.all([
    servicesGate(),
    launchBrowser(),
    startCallback(),
  ]);
  client = await registerClient(gate.origin, callback.uri, { client_name: 'Gardener' });
});
afterAll(async () => {
  await Promise.all([browser?.close(), callback?.close()]);
});

/** A new person's browser, with a client's request for the orchard allowed: what comes after Allow is there. */
async function allowed(name: string, page?: Page) {
  const at = page ?? (await browser.newPage());
  const { code_verifier, code_challenge } = makePkce();
  const params = authorizationParams(client, code_challenge, { resource: `${gate.origin}/mcp/orchard` });
  await at.goto(`${gate.origin}/authorize?${new URLSearchParams(params)}`);
  if (!page) await typeName(at, { name });
  await press(at, 'Allow');
  const token = async () => {
    const { access_token } = await exchangeCode(gate.origin, client, await callback.next(), code_verifier);
    return access_token;
  };
  return { page: at, token };
}

const serverButton = (page: Page, label: string) =>
  page.getByRole('button', { name: `${label}: Orchard`, exact: true });

/** At the orchard: says whose, and lets the gate in or not. */
async function answerThere(page: Page, account: string, decision: 'allow' | 'refuse' = 'allow') {
  await page.waitForURL((url) => url.origin === orchard.origin);
  await page.locator('[name=account]').fill(account);
  await page.locator(`[name=decision][value=${decision}]`).click();
  await page.waitForURL((url) => url.origin === gate.origin);
}

/** What a tool answers that says whose account is used; without a handshake, as a server may refuse that too. */
async function call(token: string): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  };
  const params = { name: 'whose_orchard', arguments: {} };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const answer = await fetch(`${gate.origin}/mcp/orchard`, { method: 'POST', headers, body });
  const text = await answer.text();
  const json = text.startsWith('{') ? text : (/^data:(.*)$/m.exec(text)?.[1] ?? '{}');
  const { result } = JSON.parse(json) as { result?: { content: { text: string }[] } };
  return result?.content[0]?.text ?? `${answer.status} ${text}`;
}

const statusOf = (page: Page) => page.locator('.service', { hasText: 'Orchard' }).innerText();

describe('the services page', () => {
  test('connect during consent: there and back, finish, and calls are made in that account', async () => {
    const { page, token } = await allowed('Ada');
    await sees(page, 'Connect your accounts');
    expect(await statusOf(page)).toContain('not connected');
    expect(await faultsOf(page)).toEqual([]);
    await serverButton(page, 'Connect').click();
    await answerThere(page, 'Ada');
    await sees(page, 'Everything is connected');
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Finish' }).click();
    expect(await call(await token())).toContain('Ada');
    await page.context().close();
  });

  test('a person who declines at the provider sees it, and tries again or continues without', async () => {
    const { page, token } = await allowed('Bob');
    await serverButton(page, 'Connect').click();
    await answerThere(page, 'Bob', 'refuse');
    expect(await page.getByRole('alert').innerText()).toContain('Orchard wasn’t connected');
    expect(await faultsOf(page)).toEqual([]);
    await serverButton(page, 'Connect').click();
    await answerThere(page, 'Bob');
    await sees(page, 'Everything is connected');
    await page.getByRole('button', { name: 'Finish' }).click();
    expect(await call(await token())).toContain('Bob');
    await page.context().close();
  });

  test('who closes the tab half way goes on in another, and Back leads to what was allowed', async () => {
    const { page, token } = await allowed('Cleo');
    const at = page.url();
    await serverButton(page, 'Connect').click();
    await page.waitForURL((url) => url.origin === orchard.origin);
    const next = await browser.newPage({ context: page.context() });
    await page.close();
    await next.goto(at);
    expect(await statusOf(next)).toContain('sign-in not finished');
    await next.getByRole('link', { name: 'Change what you allowed' }).click();
    await press(next, 'Allow');
    await press(next, 'Connect: Orchard');
    await next.locator('[name=account]').waitFor();
    await next.goBack();
    await sees(next, 'Connect your accounts');
    await next.goBack();
    await sees(next, 'Gardener wants to use');
    await next.goForward();
    await next.getByRole('button', { name: 'Skip for now' }).dblclick();
    expect(await call(await token())).toContain('connect your own account there first');
    await next.context().close();
  });

  test('works without scripts, on a phone', async () => {
    const page = await browser.newPage({ noScript: true, phone: true });
    const { code_challenge } = makePkce();
    await page.goto(
      `${gate.origin}/authorize?${new URLSearchParams(authorizationParams(client, code_challenge))}`,
    );
    await typeName(page, { name: 'Dora' });
    await press(page, 'Allow');
    await sees(page, 'Connect your accounts');
    await page.getByLabel('Your Keyed key').fill('no-key-of-theirs');
    await press(page, 'Connect: Keyed');
    expect(await page.getByRole('alert').innerText()).toContain('Keyed: The server rejected this key');
    await press(page, 'Connect: Orchard');
    await answerThere(page, 'Dora');
    expect(await statusOf(page)).toContain('connected');
    await page.getByRole('button', { name: 'Finish' }).click();
    expect((await callback.next()).searchParams.get('code')).toBeTruthy();
    await page.context().close();
  });
});

describe('later', () => {
  test('skip, then connect by the link of a tool; nobody else can use that link', async () => {
    const { page, token } = await allowed('Eve');
    await page.getByRole('button', { name: 'Skip for now' }).click();
    const access = await token();
    const link = /http:\S+/.exec(await call(access))?.[0] ?? '';
    const { page: other, token: others } = await allowed('Mallory');
    await other.getByRole('button', { name: 'Skip for now' }).click();
    await other.goto(link);
    await sees(other, 'This link is for someone else');
    expect(await call(await others())).toContain('connect your own account');
    await page.goto(link);
    await press(page, 'Continue to Orchard');
    await answerThere(page, 'Eve');
    await sees(page, 'Orchard is connected');
    expect(await call(access)).toContain('Eve');
    await Promise.all([page.context().close(), other.context().close()]);
  });

  test('the account: connect, change to another account there, disconnect', async () => {
    const page = await browser.newPage();
    await page.goto(`${gate.origin}/account`);
    await typeName(page, { name: 'Fay' });
    await sees(page, 'Your account');
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('link', { name: 'Connections' }).click();
    await sees(page, 'Your connections');
    await press(page, 'Connect: Orchard');
    await answerThere(page, 'Fay');
    await sees(page, 'Your connections');
    expect(await faultsOf(page)).toEqual([]);
    // Connected already: what comes after Allow is the client.
    const { token } = await allowed('Fay', page);
    const access = await token();
    expect(await call(access)).toContain('Fay');
    await page.goto(`${gate.origin}/account/connections`);
    await press(page, 'Reconnect: Orchard');
    await answerThere(page, 'Fay at work');
    expect(await call(access)).toContain('Fay at work');
    await press(page, 'Disconnect: Orchard');
    expect(await statusOf(page)).toContain('not connected');
    expect(await call(access)).toContain('connect your own account');
    await page.context().close();
  });
});

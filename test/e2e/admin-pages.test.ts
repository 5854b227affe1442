import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf } from './harness/audit';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Gate, startGate } from './harness/gate';
import { press } from './harness/person';

let gate: Gate;
let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  [browser, gate] = await Promise.all([
    launchBrowser(),
    startGate({
      vars: {
        ROLES: [{ role: 'admin', provider: 'local', groups: ['admins'] }],
        SERVERS: [{ name: 'notes', title: 'Notes', url: 'http://127.0.0.1:9/mcp', auth: 'none' }],
      },
    }),
  ]);
  page = await browser.newPage();
  await page.goto(`${gate.origin}/admin`);
  await page.getByLabel('Your name').fill('Ada Lovelace');
  await page.getByText('More options', { exact: true }).click();
  await page.locator('[name=groups]').fill('admins');
  await press(page, 'Sign in');
  await page.waitForURL(`${gate.origin}/admin`);
});
afterAll(async () => {
  await Promise.all([gate?.stop(), browser?.close()]);
});

test.each([
  '/admin',
  '/admin/users',
  '/admin/clients',
  '/admin/servers',
  '/admin/keys',
  '/admin/audit?outcome=ok',
  '/admin/settings',
  '/admin/do?action=block&id=some-app',
  '/account',
  '/account/apps',
  '/account/browsers',
  '/account/activity',
])('%s keeps what all pages keep', async (path) => {
  const response = await page.goto(gate.origin + path);
  expect(response?.status()).toBe(200);
  expect(await faultsOf(page)).toEqual([]);
});

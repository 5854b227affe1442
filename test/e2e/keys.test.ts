import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKeys } from '../../scripts/lib/keys';
import { ROOT } from '../../scripts/lib/wrangler';
import { startProgram } from '../fixtures/program';
import { faultsOf } from './harness/audit';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import { type Gate, startGate } from './harness/gate';
import {
  authorizationParams,
  callTool,
  exchangeCode,
  makePkce,
  type PublicClient,
  registerClient,
} from './harness/oauth';
import { allow, press, sees, typeName } from './harness/person';

const KEYS = makeKeys();
const SERVERS = [
  { name: 'notes', title: 'Notes', url: 'http://127.0.0.1:9/mcp', auth: 'none' },
  { name: 'wiki', title: 'Wiki', url: 'http://127.0.0.1:9/mcp', auth: 'none' },
];

let gate: Gate;
let browser: TestBrowser;
let callback: Callback;
let app: PublicClient;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  [gate, browser, callback] = await Promise.all([
    startGate({ keys: KEYS, vars: { SIGN_IN: { methods: ['local', 'key', 'skip'] }, SERVERS } }),
    launchBrowser(),
    startCallback(),
  ]);
  app = await registerClient(gate.origin, callback.uri, { client_name: 'Claude Code' });
});
afterAll(async () => {
  await Promise.all([gate?.stop(), browser?.close(), callback?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** `npm run keys:create`, in an environment without keys but those given. */
async function createKey(args: string[], env: Record<string, string>) {
  const script = join(ROOT, 'scripts/keys-create.ts');
  const made = startProgram(process.execPath, [script, ...args], {
    env: { GATEHOUSE_KEYS: undefined, ...env },
  });
  return { code: await made.ended, stdout: made.stdout(), stderr: made.stderr() };
}

/** Opens an authorization request; returns what redeems its code. */
async function ask(page: Page): Promise<string> {
  const { code_verifier, code_challenge } = makePkce();
  const params = new URLSearchParams(authorizationParams(app, code_challenge));
  await page.goto(`${gate.origin}/authorize?${params}`);
  return code_verifier;
}

async function whoami(token: string): Promise<Record<string, unknown> & { user: { name: string } }> {
  const answer = await callTool(`${gate.origin}/mcp`, token, 'whoami');
  return answer.structuredContent as Awaited<ReturnType<typeof whoami>>;
}

test('the operator makes the first key by command, and a real client works with it', async () => {
  const envFile = join(folder, 'keys.env');
  writeFileSync(envFile, `GATEHOUSE_KEYS='${KEYS}'\n`);
  const args = [
    '--name',
    'ci',
    '--role',
    'viewer',
    '--servers',
    'notes',
    '--expires',
    '1d',
    '--url',
    gate.origin,
  ];
  const made = await createKey([...args, '--env-file', envFile], {});
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^gth_[0-9A-Za-z]{92}\n$/) });
  const key = made.stdout.trim();
  expect(made.stderr).not.toContain(key);

  const client = new Client({ name: 'script', version: '1' });
  const requestInit = { headers: { 'x-api-key': key } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gate.origin}/mcp`), { requestInit }));
  const { structuredContent } = await client.callTool({ name: 'whoami', arguments: {} });
  expect(structuredContent).toMatchObject({ user: { name: 'ci' }, role: 'viewer', servers: ['notes'] });
  await client.close();
  expect((await whoami(key)).user.name).toBe('ci');
});

test('the command says what is wrong, and prints no key and no secret', async () => {
  const args = ['--name', 'ci', '--url', gate.origin];
  const cases: [string[], string, RegExp][] = [
    [args, makeKeys(), /answered 401.*environment/],
    [[...args, '--servers', 'nonsense'], KEYS, /answered 400.*nonsense/],
    [[...args.slice(2)], KEYS, /--name is missing/],
    [['--name', 'ci', '--url', 'http://127.0.0.1:65535'], KEYS, /can't be reached: ECONNREFUSED/],
  ];
  const results = await Promise.all(cases.map(([given, keys]) => createKey(given, { GATEHOUSE_KEYS: keys })));
  for (const [index, { code, stdout, stderr }] of results.entries()) {
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(cases[index]?.[2] ?? '');
    for (const secret of Object.values(JSON.parse(cases[index]?.[1] ?? '{}'))) {
      expect(stderr).not.toContain(String(secret));
    }
  }
});

test('a person makes a key on the page, and it signs them in elsewhere, capped', async () => {
  const page = await browser.newPage();
  await page.goto(`${gate.origin}/account/keys`);
  await sees(page, 'Sign in to Gatehouse');
  expect(await faultsOf(page)).toEqual([]);
  await typeName(page, { name: 'Ada' });
  await sees(page, 'Access keys');
  await page.getByLabel('What is it for?').fill('Laptop');
  await page.getByLabel('Wiki').uncheck();
  await press(page, 'Create key');
  await sees(page, 'Your new key: Laptop');
  const key = await page.locator('#key').innerText();
  expect(key).toMatch(/^gth_[0-9A-Za-z]{92}$/);
  expect(await faultsOf(page)).toEqual([]);
  await page.getByRole('link', { name: 'Done' }).click();
  await sees(page, 'Access keys');
  expect(await page.content()).not.toContain(key);
  expect(await faultsOf(page)).toEqual([]);

  const other = await browser.newPage({ noScript: true });
  const verifier = await ask(other);
  await other.getByLabel('Access key', { exact: true }).fill('gth_nonsense');
  await press(other, 'Sign in with access key');
  await other.getByRole('alert').waitFor();
  await other.getByLabel('Access key', { exact: true }).fill(key);
  await press(other, 'Sign in with access key');
  await sees(other, /wants to use/);
  expect(await other.locator('input[name=scope]').count()).toBe(1);
  expect(await other.locator('input[name=server]').count()).toBe(1);
  const tokens = await exchangeCode(gate.origin, app, await allow(other, callback), verifier);
  expect(await whoami(tokens.access_token)).toMatchObject({ user: { name: 'Ada' }, scope: 'mcp:read' });

  await press(page, 'Revoke Laptop');
  await page.getByText('You have no keys yet.').waitFor();
  await expect(whoami(tokens.access_token)).rejects.toThrow('401');
  await expect(whoami(key)).rejects.toThrow('401');
});

test('a visitor allows an app, signs in later, and takes it along', async () => {
  const page = await browser.newPage();
  const verifier = await ask(page);
  await page.getByText('Add your name').click();
  await page.getByLabel('Display name').fill('Eve');
  await press(page, 'Continue without signing in');
  await sees(page, /wants to use/);
  expect(await page.getByText('Eve (visitor, not verified)').count()).toBe(1);
  const tokens = await exchangeCode(gate.origin, app, await allow(page, callback), verifier);
  expect(await whoami(tokens.access_token)).toMatchObject({ role: 'viewer', scope: 'mcp:read' });

  await page.goto(`${gate.origin}/sign-in`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await typeName(page, { name: 'Ivy' });
  await sees(page, 'Keep what you set up as a visitor, Ivy?');
  expect(await faultsOf(page)).toEqual([]);
  await press(page, 'Keep it');
  await sees(page, 'You’re signed in as Ivy');
  expect(await whoami(tokens.access_token)).toMatchObject({ user: { name: 'Ivy' }, role: 'owner' });
});

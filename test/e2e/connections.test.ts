import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { makeKeys } from '../../scripts/lib/keys';
import { rotateKeys } from '../../scripts/lib/rotation';
import { ROOT } from '../../scripts/lib/wrangler';
import { type OAuthUpstream, startOAuthUpstream } from '../fixtures/upstream-oauth';
import { faultsOf } from './harness/audit';
import { launchBrowser } from './harness/browser';
import { type Gate, startGate } from './harness/gate';
import { callTool, type Granted, grant } from './harness/oauth';
import { press, sees, typeName } from './harness/person';
import { walk } from './harness/walk';

/* A server with a certified authorization server of its own, and each user's account there, over real HTTP. */

const TTL = 4;
const keys = makeKeys();
let gate: Gate;
let upstream: OAuthUpstream;
beforeAll(async () => {
  upstream = await startOAuthUpstream(TTL);
  const server = {
    name: 'guarded',
    url: upstream.url,
    auth: 'oauth',
    authorization_servers: [upstream.issuer],
  };
  const keyed = {
    name: 'keyed',
    title: 'Keyed',
    url: upstream.url,
    auth: 'api_key',
    description: 'Wants a key.',
  };
  gate = await startGate({ keys, vars: { SERVERS: [server, keyed] } });
});
afterAll(() => Promise.all([gate?.stop(), upstream?.close()]));

const endpoint = () => `${gate.origin}/mcp/guarded`;
const account = async ({ tokens }: Granted) => {
  const result = await callTool(endpoint(), tokens.access_token, 'account');
  return (result.content as { text: string }[])[0]?.text;
};

/** A client of somebody who then connects their account, by the link that a call is answered with. */
async function connected(name: string): Promise<Granted> {
  const walker = walk(gate, { also: [upstream.issuer] });
  const choices = { servers: ['guarded'] };
  const granted = await grant(gate, name, { params: { resource: endpoint() }, choices, walker });
  const asked = await account(granted);
  await walker.open(/http:\S+/.exec(asked ?? '')?.[0] ?? '');
  await walker.submit(walker.form('csrf'), {});
  const done = await walker.submit(walker.form('login'), { login: name });
  expect([done.status, done.text]).toEqual([200, expect.stringContaining('guarded is connected')]);
  return granted;
}

let ada: Granted;
let bob: Granted;
test('two people connect at a certified provider, and each call carries its own user’s account', async () => {
  [ada, bob] = [await connected('ada'), await connected('bob')];
  const calls = Array.from({ length: 20 }, (_, n) => account(n % 2 ? ada : bob));
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, n) => (n % 2 ? 'ada' : 'bob')));
});

test('fifty calls at once around an expiry: one refresh, none fails, no family is revoked', async () => {
  await new Promise((resolve) => setTimeout(resolve, TTL * 1000));
  // However long the calls take: the next token outlasts them.
  upstream.setAccessTtl(3600);
  const before = upstream.counts.refreshed;
  const post = () =>
    fetch(endpoint(), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ada.tokens.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
    });
  const answers = await Promise.all(Array.from({ length: 50 }, post));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  for (const answer of answers) expect(await answer.text()).toContain('account');
  expect([upstream.counts.refreshed - before, upstream.counts.revoked]).toEqual([1, 0]);
});

test('the pages of connecting work in a browser, look right and are accessible', async () => {
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${gate.origin}/connect/guarded`);
  await typeName(page, { name: 'carol' });
  await sees(page, 'Connect your guarded account');
  expect(await faultsOf(page)).toEqual([]);
  await press(page, 'Continue to guarded');
  await page.getByLabel('Login').fill('carol');
  await press(page, 'Sign in');
  await sees(page, 'guarded is connected');
  expect(await faultsOf(page)).toEqual([]);
  await page.goto(`${gate.origin}/connect/keyed`);
  await page.getByLabel('Your Keyed key').fill('sk-wrong');
  await press(page, 'Connect');
  await page.getByText('rejected this key').waitFor();
  expect(await faultsOf(page)).toEqual([]);
});

test('the operator gets by command what to register by hand', async () => {
  const args = [join(ROOT, 'scripts/callbacks.ts'), '--url', gate.origin];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, GATEHOUSE_KEYS: keys },
  });
  // The certified provider promises its issuer in every answer.
  expect([stdout, stderr]).toEqual([`guarded\t${gate.origin}/connect/callback\n`, '']);
  const wrong = promisify(execFile)(process.execPath, args, {
    env: { ...process.env, GATEHOUSE_KEYS: makeKeys() },
  });
  await expect(wrong).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('answered 401') });
});

test('connections outlive a crash and a change of the master key', async () => {
  const added = rotateKeys(keys, 'add', new Date('2040-01-01'));
  await gate.kill();
  await gate.restart({ keys: rotateKeys(added, 'first', new Date('2040-01-01')) });
  expect([await account(ada), await account(bob)]).toEqual(['ada', 'bob']);
  expect(upstream.counts.revoked).toBe(0);
});

test('no token that was ever issued is in local storage or the log', async () => {
  const { persistTo } = gate;
  await gate.kill();
  const files = readdirSync(persistTo, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const stored = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')).join('\n');
  // The search itself.
  expect(stored).toContain('connections');
  expect(stored).toContain(upstream.url);
  expect(upstream.tokens.length).toBeGreaterThan(5);
  for (const token of upstream.tokens) {
    expect(stored).not.toContain(token);
    expect(gate.log()).not.toContain(token);
  }
});

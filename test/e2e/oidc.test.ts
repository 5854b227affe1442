import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/lib/ports';
import { signInAtProvider } from '../fixtures/oidc-browser';
import { type OidcUser, type RunningOidcProvider, startOidcProvider } from '../fixtures/oidc-provider';
import type { Tamper } from '../fixtures/oidc-tamper';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import { type Gate, startGate } from './harness/gate';
import {
  authorizationParams,
  callTool,
  exchangeCode,
  makePkce,
  type PublicClient,
  refreshTokens,
  registerClient,
} from './harness/oauth';
import { allow, heading, sees, typeName } from './harness/person';
import { walk } from './harness/walk';

const ALICE = person('alice', { groups: ['staff', 'engineering'] });
const BOB = person('bob', { groups: ['support'] });
const EVE = person('eve', { groups: ['guests'] });

const ROLES = [
  { role: 'member', provider: 'acme', groups: ['engineering'] },
  { role: 'viewer', provider: 'acme', groups: ['support'] },
  { role: 'admin', provider: 'acme', emails: ['carol@acme.example'] },
  { role: 'viewer', provider: 'globex', methods: ['oidc'] },
];

let acme: RunningOidcProvider;
let globex: RunningOidcProvider;
let gate: Gate;
let browser: TestBrowser;
let callback: Callback;
let client: PublicClient;
let page: Page;
let vars: Record<string, unknown>;

beforeAll(async () => {
  const port = await freePort();
  const redirect_uris = [`http://localhost:${port}/sign-in/callback`];
  [acme, globex, browser, callback] = await Promise.all([
    startOidcProvider({ redirect_uris, refresh_tokens: true }),
    startOidcProvider({ redirect_uris }),
    launchBrowser(),
    startCallback(),
  ]);
  const provider = (name: string, { issuer, client_id }: RunningOidcProvider) => ({
    name,
    issuer,
    client_id,
  });
  vars = {
    SIGN_IN: {
      methods: ['oidc', 'local'],
      oidc: [
        { ...provider('acme', acme), title: 'Acme', domains: ['acme.example'], recheck: 1 },
        { ...provider('globex', globex), title: 'Globex' },
      ],
    },
    ROLES,
    OIDC_ACME_CLIENT_SECRET: acme.client_secret,
    OIDC_GLOBEX_CLIENT_SECRET: globex.client_secret,
  };
  gate = await startGate({ port, vars });
  client = await registerClient(gate.origin, callback.uri);
});
afterAll(async () => {
  await Promise.all([gate?.stop(), acme?.stop(), globex?.stop(), browser?.close(), callback?.close()]);
});
beforeEach(async (context) => {
  acme.tamper('none');
  page = await browser.newPage();
  const profile = page.context();
  context.onTestFinished(() => profile.close());
});

function person(name: string, claims: Partial<OidcUser> = {}): OidcUser {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  return { sub: `${name}-1`, name: title, email: `${name}@acme.example`, email_verified: true, ...claims };
}

/** Opens an authorization request of the client's; the person is then at the sign-in page. */
async function ask(): Promise<{ code_verifier: string }> {
  const { code_verifier, code_challenge } = makePkce();
  await page.goto(
    `${gate.origin}/authorize?${new URLSearchParams(authorizationParams(client, code_challenge))}`,
  );
  return { code_verifier };
}

async function signInAt(
  title: 'Acme' | 'Globex',
  user: OidcUser,
  decision: 'Sign in' | 'Cancel' = 'Sign in',
): Promise<void> {
  (title === 'Acme' ? acme : globex).setUser(user);
  await page.getByRole('button', { name: `Continue with ${title}` }).click();
  await page.getByLabel('Login').fill(user.sub);
  await page.getByRole('button', { name: decision }).click();
}

async function whoami(code_verifier: string, back: URL) {
  const { access_token } = await exchangeCode(gate.origin, client, back, code_verifier);
  return (await callTool(`${gate.origin}/mcp`, access_token, 'whoami')).structuredContent;
}

/** Whether the browser carries a sign-in, asked of the gate in another tab. */
async function isSignedIn(): Promise<boolean> {
  const tab = await browser.newPage({ context: page.context() });
  await tab.goto(`${gate.origin}/sign-in`);
  const signedIn = (await heading(tab)).startsWith('You’re signed in');
  await tab.close();
  return signedIn;
}

describe('what the provider says of a person is what the person may do', () => {
  test('groups become a role, and that is all that the consent page offers and whoami tells', async () => {
    const { code_verifier } = await ask();
    await signInAt('Acme', ALICE);
    await sees(page, 'wants to use');
    expect(await page.locator('input[name=scope]').count()).toBe(2);
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({
      user: { name: 'Alice', email: 'alice@acme.example', email_verified: true },
      role: 'member',
      scope: 'mcp:read mcp:write',
    });
  });

  test('another group, another role: read is all that there is', async () => {
    const { code_verifier } = await ask();
    await signInAt('Acme', BOB);
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({
      role: 'viewer',
      scope: 'mcp:read',
    });
  });

  test.each([
    [true, 'admin'],
    [false, undefined],
  ])('an address that the provider has verified (%s) makes %s', async (email_verified, role) => {
    const { code_verifier } = await ask();
    await signInAt('Acme', person('carol', { email_verified }));
    if (role) expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({ role });
    else await sees(page, 'You don’t have access yet');
  });

  test('a group of the same name at another provider is another group', async () => {
    const { code_verifier } = await ask();
    await signInAt('Globex', person('gina', { email: 'gina@globex.example', groups: ['engineering'] }));
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({ role: 'viewer' });
  });

  test('a person without a role sees it, and can use another account from there', async () => {
    const { code_verifier } = await ask();
    await signInAt('Acme', EVE);
    await sees(page, 'You don’t have access yet');
    expect(await page.locator('main').innerText()).toContain('eve@acme.example');
    await page.getByRole('link', { name: 'Use another account' }).click();
    await signInAt('Acme', ALICE);
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({
      user: { name: 'Alice' },
    });
  });

  test('the consent page offers another account, and the provider then asks which', async () => {
    const { code_verifier } = await ask();
    await signInAt('Acme', ALICE);
    await page.getByRole('button', { name: 'Use another account' }).click();
    await signInAt('Acme', BOB);
    expect(await page.locator('main').innerText()).toContain('bob@acme.example');
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({ user: { name: 'Bob' } });
  });

  test('all providers are offered, by their titles, together with the local name', async () => {
    await ask();
    for (const name of ['Continue with Acme', 'Continue with Globex', 'Sign in']) {
      await expect(page.getByRole('button', { name, exact: true }).isVisible()).resolves.toBe(true);
    }
  });
});

describe('an address of a bound domain comes in by its own provider only', () => {
  test('not from another provider: the page says by which, and its link leads there', async () => {
    const { code_verifier } = await ask();
    await signInAt('Globex', ALICE);
    await sees(page, 'Sign in with your organization');
    expect(await page.locator('main').innerText()).toContain('Acme');
    await page.getByRole('link', { name: 'Try again' }).click();
    await signInAt('Acme', ALICE);
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({ role: 'member' });
  });

  test('not by the local name either, and nobody is signed in', async () => {
    await ask();
    await typeName(page, { name: 'Mallory', email: 'ceo@ACME.example' });
    await sees(page, 'Sign in with your organization');
    expect(await isSignedIn()).toBe(false);
  });
});

describe('an answer that is wrong in one thing signs nobody in', () => {
  test.each<Tamper>(['nonce', 'iss', 'aud', 'state', 'exp', 'signature', 'unsigned', 'no_id_token'])(
    '%s: a page says so, and once the provider is well it works',
    async (kind) => {
      const { code_verifier } = await ask();
      acme.tamper(kind);
      await signInAt('Acme', ALICE);
      await sees(page, 'We couldn’t verify the sign-in');
      expect(await isSignedIn()).toBe(false);
      acme.tamper('none');
      await page.getByRole('link', { name: 'Try again' }).click();
      await page.getByRole('button', { name: 'Continue with Acme' }).click();
      expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({ role: 'member' });
    },
  );

  test('a person who cancels at the provider sees it, and may try again', async () => {
    const { code_verifier } = await ask();
    await signInAt('Acme', ALICE, 'Cancel');
    await sees(page, 'The sign-in wasn’t finished');
    await page.getByRole('link', { name: 'Try again' }).click();
    await signInAt('Acme', ALICE);
    expect(await whoami(code_verifier, await allow(page, callback))).toMatchObject({ role: 'member' });
  });

  test('a callback that comes back a second time is refused', async () => {
    await ask();
    const arrivals: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/sign-in/callback?')) arrivals.push(request.url());
    });
    await signInAt('Acme', ALICE);
    await page.waitForSelector('[name=decision]');
    await page.goto(arrivals[0] ?? '');
    await sees(page, 'We couldn’t find this sign-in');
  });

  test('a callback that somebody else began is refused in this browser', async () => {
    const attacker = walk(gate);
    const { code_challenge } = makePkce();
    await attacker.authorize(authorizationParams(client, code_challenge));
    const provider = (await attacker.signInWith('acme')).leaves;
    const stolen = await signInAtProvider(`${provider}`, { login: ALICE.sub });
    const victim = await browser.newPage();
    await victim.goto(stolen.href);
    await sees(victim, 'This was started in another browser');
    expect(await victim.context().cookies()).toEqual([]);
    await victim.context().close();
  });
});

test('another group at the provider is another role when the client refreshes, and no account there is the end', async () => {
  const dana = person('dana', { groups: ['engineering'] });
  const { code_verifier } = await ask();
  await signInAt('Acme', dana);
  const first = await exchangeCode(gate.origin, client, await allow(page, callback), code_verifier);
  const call = () => callTool(`${gate.origin}/mcp`, first.access_token, 'whoami');
  expect(await call()).toMatchObject({ structuredContent: { role: 'member' } });
  acme.setUser({ ...dana, groups: ['support'] });
  await setTimeout(1100);
  const second = await refreshTokens(gate.origin, client, first.refresh_token);
  expect(await call()).toMatchObject({ structuredContent: { role: 'viewer' } });
  await setTimeout(1100);
  const third = await refreshTokens(gate.origin, client, second.refresh_token);
  acme.removeUser(dana.sub);
  await setTimeout(1100);
  await expect(refreshTokens(gate.origin, client, third.refresh_token)).rejects.toThrow('invalid_grant');
  await expect(call()).rejects.toThrow('401');
  expect(await isSignedIn()).toBe(false);
});

test('a role that the settings take away is gone for the very next request', async () => {
  const { code_verifier } = await ask();
  await signInAt('Acme', ALICE);
  const { access_token } = await exchangeCode(
    gate.origin,
    client,
    await allow(page, callback),
    code_verifier,
  );
  const call = () => callTool(`${gate.origin}/mcp`, access_token, 'whoami');
  expect(await call()).toMatchObject({ structuredContent: { role: 'member' } });
  await gate.restart({ vars: { ...vars, ROLES: ROLES.slice(1) } });
  await expect(call()).rejects.toThrow('401');
});

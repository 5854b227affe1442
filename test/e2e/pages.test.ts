import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/lib/ports';
import { type DocumentServer, startDocumentServer } from '../fixtures/document-server';
import { type RunningOidcProvider, startOidcProvider } from '../fixtures/oidc-provider';
import { faultsOf } from './harness/audit';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Gate, startGate } from './harness/gate';
import { type PublicClient, REDIRECT_URI, registerClient } from './harness/oauth';
import { sees, typeName } from './harness/person';
import { ask } from './harness/request';
import { unsetGate } from './harness/shared';

const HOSTED = 'https://assistant.example/callback';
/** As long and as odd as a name may be: two directions, an emoji, markup. */
const ODD_NAME = `Über-Assistent "2" & <b>Söhne</b> \u202eםולש 🦊 ${'Donaudampfschifffahrt'.repeat(4)}`;

let gate: Gate;
let unset: Gate;
let browser: TestBrowser;
let provider: RunningOidcProvider;
let documents: DocumentServer;
let app: PublicClient;
let hosted: PublicClient;
let odd: PublicClient;

beforeAll(async () => {
  const port = await freePort();
  [browser, documents, provider, unset] = await Promise.all([
    launchBrowser(),
    startDocumentServer(),
    startOidcProvider({ redirect_uris: [`http://localhost:${port}/sign-in/callback`] }),
    unsetGate(),
  ]);
  gate = await startGate({
    port,
    env: { NODE_EXTRA_CA_CERTS: documents.caFile },
    vars: settings(),
  });
  app = await registerClient(gate.origin, REDIRECT_URI, { client_name: 'Claude Code' });
  hosted = await registerClient(gate.origin, HOSTED, { client_name: 'Assistant' });
  odd = await registerClient(gate.origin, REDIRECT_URI, { client_name: ODD_NAME });
});
afterAll(async () => {
  const all = [gate, provider, documents].map((one) => one?.stop());
  await Promise.all([...all, browser?.close()]);
});

function settings(): Record<string, unknown> {
  const { client_id, client_secret, issuer } = provider;
  return {
    NAME: 'Acme',
    POLICY_URL: 'https://acme.example/privacy',
    SUPPORT_URL: 'https://acme.example/help',
    CLIENT_DOCUMENT_HOSTS: [new URL(documents.origin).host],
    OIDC_ACME_CLIENT_SECRET: client_secret,
    SIGN_IN: {
      methods: ['oidc', 'local'],
      oidc: [
        { name: 'acme', title: 'Acme', issuer, client_id, domains: ['acme.example'] },
        { name: 'gone', title: 'Gone', issuer: 'http://127.0.0.1:9', client_id },
      ],
    },
    SERVERS: [
      {
        name: 'notes',
        title: 'Notes',
        description: 'Your notes.',
        url: 'https://notes.example/mcp',
        auth: 'none',
      },
      { name: 'clock', title: 'Clock', url: 'https://clock.example/mcp', auth: 'none' },
    ],
  };
}

function documentClient(path: string, client_id = `${documents.origin}${path}`): PublicClient {
  documents.serve(path, { client_id, client_name: 'Verified', redirect_uris: [HOSTED] });
  return { client_id: `${documents.origin}${path}`, redirect_uri: HOSTED };
}

async function consent(page: Page, client: PublicClient, more: Record<string, string> = {}): Promise<void> {
  await ask(page, gate, client, more);
  await typeName(page, { name: 'Ada Lovelace', email: 'ada@lovelace.example' });
}

/** Changes a hidden field of the page at hand, then sends its form: what no person can do by mistake. */
async function forge(page: Page, field: string, button: string): Promise<void> {
  await page.locator(`[name=${field}]`).evaluateAll((all) => {
    for (const input of all) input.setAttribute('value', 'forged');
  });
  await page.getByRole('button', { name: button, exact: true }).last().click();
}

async function continueWith(page: Page, title: string, decision?: 'Sign in' | 'Cancel'): Promise<void> {
  await ask(page, gate, app);
  await page.getByRole('button', { name: `Continue with ${title}` }).click();
  if (decision) await page.getByRole('button', { name: decision }).click();
}

type Scene = [heading: string | RegExp, how: string, come: (page: Page) => Promise<unknown>];

const SCENES: Scene[] = [
  [/^Connect your AI app/, 'the front page', (page) => page.goto(gate.origin)],
  [
    /^Connect your AI app/,
    'the front page, all unfolded',
    async (page) => {
      await page.goto(gate.origin);
      await unfold(page);
    },
  ],
  ['Sign in to Acme', 'a client waits', (page) => ask(page, gate, app)],
  ['Sign in to Acme', 'nobody waits', (page) => page.goto(`${gate.origin}/sign-in`)],
  [
    'Sign in to Acme',
    'a name was missing',
    async (page) => {
      await ask(page, gate, app);
      await typeName(page, { name: '  ', email: 'ada@lovelace.example' });
    },
  ],
  [/wants to use/, 'an app on this computer', (page) => consent(page, app)],
  [/wants to use/, 'an app that isn’t verified', (page) => consent(page, hosted)],
  [/wants to use/, 'an app of a known domain', (page) => consent(page, documentClient('/good.json'))],
  [/wants to use/, 'an odd name', (page) => consent(page, odd)],
  [
    /wants to use/,
    'delete was asked for, all unfolded',
    async (page) => {
      await consent(page, app, { scope: 'mcp:destructive' });
      await page.locator('[value="mcp:destructive"]').check();
      await unfold(page);
    },
  ],
  [/wants to use/, 'one server only', (page) => consent(page, app, { resource: `${gate.origin}/mcp/notes` })],
  [
    /wants to use/,
    'nothing was ticked',
    async (page) => {
      await consent(page, app);
      for (const box of await page.locator('[name=scope]').all()) await box.uncheck();
      await page.getByRole('button', { name: 'Allow' }).click();
    },
  ],
  [
    /^You’re signed in as/,
    'signed in',
    async (page) => {
      await consent(page, app);
      await page.goto(`${gate.origin}/sign-in`);
    },
  ],
  [
    'You’re signed out on this browser',
    'signed out',
    async (page) => {
      await consent(page, app);
      await page.goto(`${gate.origin}/sign-out`);
      await page.getByRole('button', { name: 'Sign out' }).click();
    },
  ],
  ['Page not found', 'no page', (page) => page.goto(`${gate.origin}/nowhere`)],
];

const authorize = (query: string) => (page: Page) => page.goto(`${gate.origin}/authorize?${query}`);

const PROBLEMS: Scene[] = [
  ['The app didn’t identify itself', 'no client_id', authorize('')],
  ['This app isn’t registered', 'unknown client', authorize('client_id=nobody')],
  [
    'We couldn’t verify this app',
    'a document from nowhere',
    authorize('client_id=https://localhost:1/client.json'),
  ],
  [
    'This app’s description isn’t valid',
    "a stranger's document",
    (page) => ask(page, gate, documentClient('/bad.json', 'https://somebody.example/client.json')),
  ],
  [
    'The app didn’t say where to return',
    'no redirect_uri',
    (page) => authorize(`client_id=${app.client_id}`)(page),
  ],
  [
    'The return address doesn’t belong to this app',
    'a foreign redirect_uri',
    (page) => ask(page, gate, app, { redirect_uri: 'https://evil.example/callback' }),
  ],
  ['The app’s request is ambiguous', 'two client_ids', authorize('client_id=a&client_id=b')],
  [
    'The app’s request is too long',
    'a long request',
    (page) => ask(page, gate, app, { state: 'x'.repeat(17_000) }),
  ],
  ['We couldn’t find this sign-in', 'no such flow', authorize('flow=made-up')],
  [
    'This was started in another browser',
    'another browser',
    async (page) => {
      await ask(page, gate, app);
      await page.context().clearCookies();
      await page.reload();
    },
  ],
  [
    'We couldn’t read that form',
    'a form of another type',
    async (page) => {
      await ask(page, gate, app);
      await page.locator('form').evaluateAll((all) => {
        for (const form of all) form.setAttribute('enctype', 'text/plain');
      });
      await typeName(page, { name: 'Ada' });
    },
  ],
  [
    'We couldn’t accept that form',
    'a forged form',
    async (page) => {
      await consent(page, app);
      await forge(page, 'csrf', 'Allow');
    },
  ],
  [
    'You can’t sign in that way here',
    'a method that is not offered',
    async (page) => {
      await ask(page, gate, app);
      await page.getByLabel('Your name').fill('Ada');
      await forge(page, 'method', 'Sign in');
    },
  ],
  ['The sign-in provider isn’t responding', 'a provider that is gone', (page) => continueWith(page, 'Gone')],
  ['The sign-in wasn’t finished', 'canceled there', (page) => continueWith(page, 'Acme', 'Cancel')],
  [
    'We couldn’t verify the sign-in',
    'a callback that was changed',
    async (page) => {
      await ask(page, gate, app);
      const callback = page.waitForRequest(/\/sign-in\/callback/);
      await page.getByRole('button', { name: 'Continue with Acme' }).click();
      provider.tamper('nonce');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await (await callback).response();
      provider.tamper('none');
    },
  ],
  ['You don’t have access yet', 'no role', (page) => continueWith(page, 'Acme', 'Sign in')],
  [
    'Sign in with your organization',
    'a bound domain',
    async (page) => {
      await ask(page, gate, app);
      await typeName(page, { name: 'Ada', email: 'ada@acme.example' });
    },
  ],
  ['This site isn’t set up yet', 'settings are missing', (page) => page.goto(unset.origin)],
];

async function unfold(page: Page): Promise<void> {
  for (const fold of await page.locator('summary').all()) await fold.click();
}

describe.each([
  ['pages', SCENES],
  ['error pages', PROBLEMS],
] as [string, Scene[]][])('%s: for everybody, on every screen, from nowhere else', (_what, scenes) => {
  test.each(scenes)('%s (%s)', async (title, _how, come) => {
    const page = await browser.newPage();
    const strangers: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => {
      const own = [gate.origin, unset.origin, provider.issuer].includes(new URL(request.url()).origin);
      if (!own && !request.url().startsWith('data:')) strangers.push(request.url());
    });
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
    });
    await come(page);
    await sees(page, title);
    expect(await faultsOf(page)).toEqual([]);
    expect([strangers, complaints]).toEqual([[], []]);
    await page.context().close();
  });
});

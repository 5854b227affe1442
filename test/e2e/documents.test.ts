import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getPlatformProxy } from 'wrangler';
import { type DocumentServer, type Failure, startDocumentServer } from '../fixtures/document-server';
import { type Gate, startGate } from './harness/gate';
import type { PublicClient } from './harness/oauth';
import { makeRequest } from './harness/request';
import { sharingCrashes } from './harness/stories';
import { type Page, walk } from './harness/walk';

const REDIRECT_URI = 'https://assistant.example/callback';
const FAILURES: Failure[] = ['status403', 'hang', 'stall', 'redirect', 'html', 'huge', 'none'];

let documents: DocumentServer;
let gate: Gate;
beforeAll(async () => {
  documents = await startDocumentServer();
  gate = await startGate({
    env: { NODE_EXTRA_CA_CERTS: documents.caFile },
    vars: { CLIENT_DOCUMENT_HOSTS: [new URL(documents.origin).host] },
  });
});
afterAll(async () => {
  await Promise.all([gate?.stop(), documents?.stop()]);
});

function clientAt(path: string): PublicClient {
  return { client_id: `${documents.origin}${path}`, redirect_uri: REDIRECT_URI };
}

function serve(path: string, changes: Record<string, unknown> = {}): PublicClient {
  const { client_id } = clientAt(path);
  documents.serve(path, { client_id, client_name: 'Assistant', redirect_uris: [REDIRECT_URI], ...changes });
  return clientAt(path);
}

/** What a person with a new browser sees whom this client sends here. */
function ask(client: PublicClient): Promise<Page> {
  return walk(gate).authorize(makeRequest(gate, client).params);
}

const SIGN_IN = { status: 200, title: 'Sign in to Gatehouse' };

test('a client is known by its document: its name and verified domain are shown, and its tokens work', async () => {
  const client = serve('/good.json');
  const { params, whoami } = makeRequest(gate, client);
  const browser = walk(gate);
  await browser.authorize(params);
  await browser.signInLocal('Ada');
  expect(browser.page.title).toContain('Assistant wants to use');
  expect(browser.page.text).toMatch(/localhost:\d+ verified/);
  expect(browser.page.text).toContain('assistant.example');
  expect(await whoami(await browser.decide('allow'))).toMatchObject({ client: 'Assistant' });
});

test('a document is fetched once for many requests', async () => {
  const client = serve('/cached.json');
  for (let round = 0; round < 3; round++) expect(await ask(client)).toMatchObject(SIGN_IN);
  expect(documents.requests('/cached.json')).toBe(1);
});

describe("a document that can't be had", () => {
  test.concurrent.for(FAILURES)(
    '%s, and none was there before: a page that says whose it is',
    async (failure, { expect }) => {
      const path = `/never-${failure}.json`;
      serve(path);
      documents.fail(path, failure);
      const page = await ask(clientAt(path));
      expect(page).toMatchObject({
        status: 400,
        title: 'We couldn’t verify this app',
        leaves: undefined,
      });
      expect(page.text).toContain(new URL(documents.origin).host);
      expect(documents.requests(`${path}?followed`)).toBe(0);
    },
  );

  test('a host that has just failed is not asked again at once, and nobody waits for it', async () => {
    const path = '/down.json';
    documents.fail(path, 'status403');
    await ask(clientAt(path));
    await ask(clientAt(path));
    expect(documents.requests(path)).toBe(1);
  });
});

describe.concurrent('a document that was had once, and is old', () => {
  // In common, as a day of waiting would be.
  const story = sharingCrashes(age);

  test('is used, however the host fails now', () =>
    story(async (aged) => {
      const paths = FAILURES.map((failure) => [`/once-${failure}.json`, failure] as const);
      for (const [path] of paths) expect(await ask(serve(path))).toMatchObject(SIGN_IN);
      await aged();
      for (const [path, failure] of paths) documents.fail(path, failure);
      const pages = await Promise.all(paths.map(([path]) => ask(clientAt(path))));
      for (const [index, page] of pages.entries()) expect(page, paths[index]?.[1]).toMatchObject(SIGN_IN);
      for (const [path] of paths) {
        expect([documents.requests(path), documents.requests(`${path}?followed`)]).toEqual([2, 0]);
      }
    }));

  test('but not when its owner now says something else, and not for a redirect that was withdrawn', () =>
    story(async (aged) => {
      const moved = '/moved.json';
      await ask(serve('/stolen.json'));
      await ask(serve(moved));
      await aged();
      serve('/stolen.json', { client_id: 'https://somebody.example/client.json' });
      serve(moved, { redirect_uris: ['https://new.example/callback'] });
      expect(await ask(clientAt('/stolen.json'))).toMatchObject({
        status: 400,
        title: 'This app’s description isn’t valid',
      });
      expect(await ask(clientAt(moved))).toMatchObject({
        status: 400,
        title: 'The return address doesn’t belong to this app',
        leaves: undefined,
      });
    }));

  /** Makes all that the gate remembers of documents old, as a day of waiting would. */
  async function age(): Promise<void> {
    await gate.kill();
    const { env, dispose } = await getPlatformProxy<{ OAUTH_KV: KVNamespace }>({
      configPath: 'wrangler.toml',
      envFiles: [],
      remoteBindings: false,
      persist: { path: join(gate.persistTo, 'v3') },
    });
    const { keys } = await env.OAUTH_KV.list({ prefix: 'client-document:' });
    for (const { name } of keys) {
      const record = await env.OAUTH_KV.get<{ good?: { fresh_until: number } }>(name, 'json');
      if (record?.good) record.good.fresh_until = 0;
      await env.OAUTH_KV.put(name, JSON.stringify(record));
    }
    await dispose();
    await gate.restart();
    expect(keys.length).toBeGreaterThan(0);
  }
});

describe('documents that are not a client of ours', () => {
  test.each([
    ["another's client_id", { client_id: 'https://somebody.example/client.json' }],
    ['a secret for everybody to read', { client_secret: 'open sesame' }],
    ['no redirect that could be used', { redirect_uris: ['http://evil.example/callback'] }],
    ['a script as redirect', { redirect_uris: ['javascript:alert(1)', REDIRECT_URI] }],
    [
      'a way to authenticate that needs a shared secret',
      { token_endpoint_auth_method: 'client_secret_basic' },
    ],
  ])('%s: a page, never a redirect', async (what, changes) => {
    const page = await ask(serve(`/${what.replaceAll(/\W/g, '-')}.json`, changes));
    expect(page).toMatchObject({
      status: 400,
      title: 'This app’s description isn’t valid',
      leaves: undefined,
    });
  });

  test('a redirect that the document does not name is a page, never a redirect', async () => {
    const client = serve('/redirects.json');
    const page = await ask({ ...client, redirect_uri: 'https://evil.example/callback' });
    expect(page).toMatchObject({
      status: 400,
      title: 'The return address doesn’t belong to this app',
      leaves: undefined,
    });
  });

  test.each([
    'https://127.0.0.1:1/client.json',
    'https://localhost:1/client.json',
    'https://10.0.0.1/client.json',
    'https://[::1]/client.json',
    'https://169.254.169.254/latest/meta-data',
    'https://0x7f000001/client.json',
    'https://internal/client.json',
  ])('a private address is not fetched, only reported: %s', async (client_id) => {
    const page = await ask({ client_id, redirect_uri: REDIRECT_URI });
    expect(page).toMatchObject({
      status: 400,
      title: 'We couldn’t verify this app',
      leaves: undefined,
    });
  });
});

test.each([
  ['https://claude.ai/oauth/mcp-oauth-client-metadata', 'https://claude.ai/api/mcp/auth_callback', 'Claude'],
  ['https://claude.ai/oauth/claude-code-client-metadata', 'http://localhost:51234/callback', 'Claude Code'],
  [
    'https://chatgpt.com/oauth/client.json',
    'https://chatgpt.com/connector_platform_oauth_redirect',
    'ChatGPT',
  ],
  ['https://vscode.dev/oauth/client-metadata.json', 'http://127.0.0.1:33418/', 'Visual Studio Code'],
])('%s is known, whether its host answers us or not', async (client_id, redirect_uri, name) => {
  const { params, whoami } = makeRequest(gate, { client_id, redirect_uri });
  const callback = await walk(gate).allow(params, 'Ada');
  expect(callback.href.startsWith(redirect_uri)).toBe(true);
  expect(await whoami(callback)).toMatchObject({ client: name });
});

import { get } from 'node:http';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { stageOf } from '../../examples/orchard/growth';
import { type RunningOrchard, startOrchard } from '../../scripts/lib/orchard';
import { type ClientKind, client2, client2Modern, sdk1 } from '../fixtures/mcp-clients';
import { MemoryOAuth } from '../fixtures/mcp-oauth';
import { faultsOf } from './harness/audit';
import { launchBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import { heading, press } from './harness/person';
import { walk } from './harness/walk';

/** Long enough for a call on a slow machine, short enough to wait for. */
const ACCESS_TOKEN_SECONDS = 8;

let orchard: RunningOrchard;
let callback: Callback;
let endpoint: string;
beforeAll(async () => {
  orchard = await startOrchard({ accessTokenSeconds: ACCESS_TOKEN_SECONDS });
  callback = await startCallback();
  endpoint = `${orchard.origin}/mcp`;
});
afterAll(async () => {
  await callback?.close();
  await orchard?.stop();
});

/** At `/authorize`, as a person without scripts: names the account and decides. */
async function decide(url: URL, account: string, decision = 'allow'): Promise<URL> {
  const browser = walk(orchard);
  await browser.open(url);
  const { leaves, text } = await browser.submit(browser.form('account'), { account, decision });
  if (!leaves) throw new Error(`the orchard stayed where it was: ${text}`);
  return leaves;
}

interface Gardener {
  oauth: MemoryOAuth;
  /** The text of a tool's answer; throws as the SDK does when the call is refused. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
}

/** An app of one account, that found everything by the URL of the endpoint. */
async function connect(account: string): Promise<Gardener> {
  const oauth = new MemoryOAuth(callback.uri, 'Gardener');
  const first = transport(oauth);
  await expect(new Client(INFO).connect(first)).rejects.toThrow(UnauthorizedError);
  const back = await decide(oauth.takeAuthorizationUrl() ?? new URL('about:blank'), account);
  oauth.checkState(back);
  await first.finishAuth(back.searchParams);
  const client = new Client(INFO);
  await client.connect(transport(oauth));
  onTestFinished(() => client.close());
  return {
    oauth,
    call: async (name, args = {}) => {
      const { content } = await client.callTool({ name, arguments: args });
      return (content as { text: string }[])[0]?.text ?? '';
    },
  };
}

const INFO = { name: 'e2e', version: '1.0.0' };

function transport(authProvider: MemoryOAuth) {
  return new StreamableHTTPClientTransport(new URL(endpoint), { authProvider });
}

/** An authorization request as a client would send it, for nobody yet. */
async function authorizationUrl(): Promise<URL> {
  const oauth = new MemoryOAuth(callback.uri, '<b>Gardener</b>');
  await new Client(INFO).connect(transport(oauth)).catch(() => undefined);
  return oauth.takeAuthorizationUrl() ?? new URL('about:blank');
}

function post(token: string | undefined): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  return fetch(endpoint, { method: 'POST', headers, body });
}

async function refresh(oauth: MemoryOAuth, refresh_token = '') {
  const form = {
    grant_type: 'refresh_token',
    refresh_token,
    client_id: oauth.clientInformation()?.client_id ?? '',
  };
  const response = await fetch(`${orchard.origin}/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const expiry = () => new Promise((resolve) => setTimeout(resolve, (ACCESS_TOKEN_SECONDS + 1) * 1000));

describe.each<ClientKind>([client2, client2Modern, sdk1])('$name', (kind) => {
  test('gets into the account that its person named, with nothing but the URL', async () => {
    const oauth = new MemoryOAuth(callback.uri, kind.name);
    const client = await kind.connect(endpoint, oauth, (url) => {
      expect(url.searchParams.get('resource')).toBe(endpoint);
      return decide(url, 'Ada');
    });
    onTestFinished(() => client.close());
    expect(await client.tools()).toEqual(['whose_orchard', 'look_around', 'plant_tree', 'fell_tree']);
    expect(await client.call('whose_orchard')).toMatchObject({ account: 'Ada' });
  });
});

describe('an account', () => {
  test('has its trees to itself, whichever way it is written', async () => {
    const grace = await connect('Grace');
    const id = /^Tree (\d+)/.exec(await grace.call('plant_tree', { kind: 'quince' }))?.[1];
    const joan = await connect('Joan: 🌳');
    expect(await joan.call('look_around')).toBe('There are no trees yet.');
    expect(await joan.call('fell_tree', { id: Number(id) })).toBe(`There is no tree ${id}.`);
    const again = await connect(' grace ');
    expect(await again.call('look_around')).toBe(`${id}: quince, a seedling`);
    expect(await again.call('fell_tree', { id: Number(id) })).toBe(`Tree ${id} has been cut down.`);
    expect(await grace.call('look_around')).toBe('There are no trees yet.');
  });

  test('puts out all its apps at once, refresh tokens too, and nobody else’s', async () => {
    const mary = await connect('Mary');
    const rosa = await connect('Rosa');
    const browser = walk(orchard);
    await browser.open('/apps');
    const page = await browser.submit(browser.form('account'), { account: 'mary', decision: 'disconnect' });
    expect(page.text).toContain('1 app was disconnected');
    const { access_token, refresh_token } = mary.oauth.saved[0] ?? {};
    expect((await post(access_token)).status).toBe(401);
    expect(await refresh(mary.oauth, refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await rosa.call('whose_orchard')).toContain('Rosa');
  });
});

describe('tokens', () => {
  test('last as long as the setting says; the app refreshes and goes on, its person asked nothing', async () => {
    const { oauth, call } = await connect('Emmy');
    const [first] = oauth.saved;
    expect((await post(first?.access_token)).status).toBe(200);
    await expiry();
    const refused = await post(first?.access_token);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(await call('whose_orchard')).toContain('Emmy');
    const [, second] = oauth.saved;
    expect(oauth.saved).toHaveLength(2);
    expect(oauth.takeAuthorizationUrl()).toBeUndefined();
    expect(second?.refresh_token).not.toBe(first?.refresh_token);

    const third = await refresh(oauth, second?.refresh_token);
    expect(third).toMatchObject({ status: 200, body: { expires_in: ACCESS_TOKEN_SECONDS } });
    expect((await refresh(oauth, first?.refresh_token)).status).toBe(400);
    expect((await refresh(oauth, String(third.body.refresh_token))).status).toBe(200);
  });

  test('are asked for, and the answer says where from', async () => {
    const response = await post(undefined);
    expect(response.status).toBe(401);
    const where = /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
    expect(await (await fetch(where ?? '')).json()).toMatchObject({
      resource: endpoint,
      authorization_servers: [orchard.origin],
    });
    const metadata = `${orchard.origin}/.well-known/oauth-authorization-server`;
    expect(await (await fetch(metadata)).json()).toMatchObject({
      issuer: orchard.origin,
      code_challenge_methods_supported: ['S256'],
      client_id_metadata_document_supported: true,
    });
  });
});

describe('who asks', () => {
  test('gets an error after a refusal, and nothing else', async () => {
    const url = await authorizationUrl();
    const back = await decide(url, '', 'refuse');
    expect(Object.fromEntries(back.searchParams)).toMatchObject({
      error: 'access_denied',
      state: url.searchParams.get('state'),
      iss: orchard.origin,
    });
    expect(back.searchParams.has('code')).toBe(false);
  });

  test('is let in nowhere without an account that has a name', async () => {
    const url = await authorizationUrl();
    for (const account of ['', '  ', 'x'.repeat(41)]) {
      await expect(decide(url, account)).rejects.toThrow('a name of 1 to 40 characters');
    }
  });

  test('is sent nowhere that its client did not register, and needs PKCE', async () => {
    const elsewhere = await authorizationUrl();
    elsewhere.searchParams.set('redirect_uri', 'https://evil.example/callback');
    const page = await walk(orchard).open(elsewhere);
    expect([page.status, page.leaves]).toEqual([400, undefined]);
    const bare = await authorizationUrl();
    bare.searchParams.delete('code_challenge');
    const { leaves } = await walk(orchard).open(bare);
    expect(leaves?.searchParams.get('error')).toBe('invalid_request');
  });

  test('can’t answer in its person’s place, by a form on another site', async () => {
    const url = await authorizationUrl();
    const { call } = await connect('Radia');
    for (const path of [url, `${orchard.origin}/apps`]) {
      const body = new URLSearchParams({ account: 'Radia', decision: 'allow' });
      const headers = { origin: 'https://evil.example' };
      const response = await fetch(path, { method: 'POST', headers, body, redirect: 'manual' });
      expect(response.status).toBe(403);
    }
    expect(await call('whose_orchard')).toContain('Radia');
  });
});

test('answers on this computer only, since it lets anybody in by name', async () => {
  // `fetch` sets Host by itself.
  const status = (headers: Record<string, string>) =>
    new Promise((resolve, reject) => {
      get(orchard.origin, { headers }, (response) => resolve(response.resume().statusCode)).on(
        'error',
        reject,
      );
    });
  expect(await status({})).toBe(200);
  expect(await status({ 'x-forwarded-for': '203.0.113.7' })).toBe(403);
  expect(await status({ host: `orchard.example:${orchard.port}` })).toBe(403);
});

test('its pages can be read and used by everybody, and show the name of an app as text', async () => {
  const browser = await launchBrowser();
  onTestFinished(browser.close);
  const page = await browser.newPage();
  for (const path of ['/', '/apps', `${await authorizationUrl()}`]) {
    await page.goto(new URL(path, orchard.origin).href);
    expect(await faultsOf(page), path).toEqual([]);
  }
  expect(await heading(page)).toBe('Allow <b>Gardener</b> to use your orchard?');
  await page.getByLabel('Whose orchard?').fill('Ada');
  await press(page, 'Allow');
  expect((await callback.next()).searchParams.has('code')).toBe(true);
});

test('a tree grows', () => {
  const ages = [-5, 0, 29, 30, 119, 120, 299, 300, 1e9];
  const stages = ages.map((age) => stageOf(1_000_000, 1_000_000 + age * 1000));
  const [seedling, sapling, blossom, fruit] = ['a seedling', 'a sapling', 'in blossom', 'full of fruit'];
  expect(stages).toEqual([seedling, seedling, seedling, sapling, sapling, blossom, blossom, fruit, fruit]);
});

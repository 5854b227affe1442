import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import {
  Browser,
  connect,
  gate,
  gateWith,
  openAuthorization,
  refresh,
  registerClient,
} from '../../fixtures/worker';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const CALLBACK = 'https://app.example/callback';

/** What registering this gets; the name and the redirect are usual ones unless said. */
async function register(metadata: Record<string, unknown>) {
  const usual = { client_name: 'App', redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' };
  const response = await gate.fetch('/oauth/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...usual, ...metadata }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, body };
}

async function recordOf(client_id: unknown): Promise<Record<string, unknown> | null> {
  return env.OAUTH_KV.get(`client:${client_id}`, 'json');
}

/** The consent page of a client with this name. */
async function consentFor(client_name: string): Promise<string> {
  const client = await registerClient({ client_name });
  const browser = new Browser();
  const code_challenge = 'x'.repeat(43);
  const { page } = await openAuthorization(browser, client, { code_challenge });
  expect(page.status).toBe(200);
  return page.html;
}

describe('a public client', () => {
  test('is registered without a secret', async () => {
    const { status, headers, body } = await register({});
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      client_id: expect.stringMatching(/^[\w-]{22}$/),
      client_id_issued_at: expect.any(Number),
      client_name: 'App',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    });
    expect(body).not.toHaveProperty('client_secret');
    expect(body).not.toHaveProperty('client_secret_expires_at');
  });

  test('is the same client when it sends the same again, its loopback ports apart', async () => {
    const ids = new Set<unknown>();
    for (const port of [1234, 1234, 50_000]) {
      const redirect_uris = [`http://localhost:${port}/callback`, `http://127.0.0.1:${port}/callback`];
      ids.add((await register({ redirect_uris })).body.client_id);
    }
    ids.add(
      (await register({ redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'] })).body
        .client_id,
    );
    expect(ids.size).toBe(1);
  });

  test('is one client, however many of the same come at once', async () => {
    const metadata = { client_name: 'Twenty at once', redirect_uris: ['http://localhost:8000/callback'] };
    const answers = await Promise.all(Array.from({ length: 20 }, () => register(metadata)));
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect(new Set(answers.map(({ body }) => body.client_id)).size).toBe(1);
  });

  test.each([
    ['name', { client_name: 'Another' }],
    ['redirect', { redirect_uris: ['https://other.example/callback'] }],
    ['path on loopback', { redirect_uris: ['http://localhost:1234/other'] }],
    ['home page', { client_uri: 'https://other.example/' }],
  ])('is another client with another %s', async (_what, metadata) => {
    const [one, other] = [await register({}), await register(metadata)];
    expect(other.status).toBe(201);
    expect(other.body.client_id).not.toBe(one.body.client_id);
  });

  test('expires when nobody uses it, and stays when somebody does', async () => {
    const { body } = await register({ client_name: 'Seldom used' });
    const { registrationExpiresAt } = (await recordOf(body.client_id)) ?? {};
    const days = (Number(registrationExpiresAt) - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(89);
    expect(days).toBeLessThanOrEqual(90);

    const connected = await connect({ client: await registerClient({ client_name: 'Kept in use' }) });
    const { client_id } = connected.client;
    const before = Number((await recordOf(client_id))?.registrationExpiresAt);
    // As it stands an hour before its end.
    const record = await recordOf(client_id);
    const soon = Math.floor(Date.now() / 1000) + 3600;
    await env.OAUTH_KV.put(`client:${client_id}`, JSON.stringify({ ...record, registrationExpiresAt: soon }));
    const at = gateWith({ NAME: 'Acme' });
    expect((await refresh({ ...connected, gate: at }, connected.tokens.refresh_token)).status).toBe(200);
    expect(Number((await recordOf(client_id))?.registrationExpiresAt)).toBeGreaterThanOrEqual(before);
  });
});

describe('a confidential client', () => {
  test.each(['client_secret_basic', 'client_secret_post'])('gets a secret of its own: %s', async (method) => {
    const first = await register({ token_endpoint_auth_method: method });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      token_endpoint_auth_method: method,
      client_secret: expect.stringMatching(/^\S{32,}$/),
      client_secret_expires_at: expect.any(Number),
    });
    const second = await register({ token_endpoint_auth_method: method });
    expect(second.body.client_id).not.toBe(first.body.client_id);
    expect(second.body.client_secret).not.toBe(first.body.client_secret);
    expect(JSON.stringify(await recordOf(first.body.client_id))).not.toContain(first.body.client_secret);
  });

  test('that says no method gets the one that RFC 7591 means', async () => {
    const { body } = await register({ token_endpoint_auth_method: undefined });
    expect(body).toMatchObject({ token_endpoint_auth_method: 'client_secret_basic' });
  });
});

describe('redirect URIs', () => {
  test.each([
    ['https', 'https://app.example/callback'],
    ['https with a query', 'https://app.example/callback?app=1'],
    ['https with a port', 'https://app.example:8443/callback'],
    ['localhost', 'http://localhost:1234/callback'],
    ['127.0.0.1', 'http://127.0.0.1/callback'],
    ['[::1]', 'http://[::1]:1234/callback'],
    ['2,000 characters', `https://app.example/${'x'.repeat(1980)}`],
  ])('are taken: %s', async (_what, uri) => {
    const { status, body } = await register({ redirect_uris: [uri] });
    expect(status).toBe(201);
    expect(body.redirect_uris).toEqual([uri]);
  });

  test.each([
    ['http anywhere else', 'http://evil.example/callback'],
    ['http on a lookalike', 'http://localhost.evil.example/callback'],
    ['http on the network', 'http://192.168.0.1/callback'],
    ['javascript:', 'javascript:alert(1)'],
    ['JavaScript: with a tab', 'java\tscript:alert(1)'],
    ['data:', 'data:text/html,<script>alert(1)</script>'],
    ['vbscript:', 'vbscript:msgbox'],
    ['file:', 'file:///etc/passwd'],
    ['blob:', 'blob:https://app.example/x'],
    ['a fragment', 'https://app.example/callback#x'],
    ['an empty fragment', 'https://app.example/callback#'],
    ['userinfo', 'https://user:pass@app.example/callback'],
    ['a user', 'https://app.example@evil.example/callback'],
    ['a wildcard host', 'https://*.app.example/callback'],
    ['a wildcard path', 'https://app.example/*'],
    ['a relative path', '/callback'],
    ['no scheme', 'app.example/callback'],
    ['no host', 'https:///callback'],
    ['a backslash', 'https://app.example\\@evil.example/callback'],
    ['a newline', 'https://app.example/call\nback'],
    ['NUL', 'https://app.example/\0'],
    ['a space', 'https://app.example/call back'],
    ['an emoji', 'https://app.example/🦊'],
    ['nothing', ''],
    ['2,001 characters', `https://app.example/${'x'.repeat(1981)}`],
  ])('are refused: %s', async (_what, uri) => {
    for (const redirect_uris of [[uri], [CALLBACK, uri]]) {
      const { status, body, text } = await register({ redirect_uris });
      expect([status, body.error]).toEqual([400, 'invalid_redirect_uri']);
      expect(text).not.toMatch(/evil|alert/);
    }
  });

  test('of a private-use scheme are stored with one that can be used, and are not enough alone', async () => {
    const cursor = 'cursor://anysphere.cursor-mcp/oauth/callback';
    const { status, body } = await register({ redirect_uris: [CALLBACK, cursor] });
    expect(status).toBe(201);
    expect(body.redirect_uris).toEqual([CALLBACK, cursor]);
    const alone = await register({ redirect_uris: [cursor] });
    expect([alone.status, alone.body.error]).toEqual([400, 'invalid_redirect_uri']);
  });

  test('are at most ten', async () => {
    const uris = (count: number) => Array.from({ length: count }, (_, index) => `${CALLBACK}/${index}`);
    expect((await register({ redirect_uris: uris(10) })).status).toBe(201);
    const { status, body } = await register({ redirect_uris: uris(11) });
    expect([status, body.error]).toEqual([400, 'invalid_redirect_uri']);
  });

  test.each([
    ['none', undefined],
    ['an empty list', []],
  ])('are needed: %s', async (_what, redirect_uris) => {
    const { status, body } = await register({ redirect_uris });
    expect([status, body.error]).toEqual([400, 'invalid_redirect_uri']);
  });
});

describe('grant types', () => {
  test('that real clients send along fail nothing: ours are kept, others left out', async () => {
    const grant_types = [
      'authorization_code',
      'refresh_token',
      DEVICE_CODE,
      'urn:example:unknown',
      'implicit',
    ];
    const { status, body } = await register({ grant_types });
    expect(status).toBe(201);
    expect(body.grant_types).toEqual(['authorization_code', 'refresh_token', DEVICE_CODE]);
  });

  test('that the metadata advertises can all be asked for, and a client may then have them', async () => {
    const metadata = await gate.fetch('/.well-known/oauth-authorization-server');
    const { grant_types_supported } = await metadata.json<{ grant_types_supported: string[] }>();
    const { status, body } = await register({ grant_types: grant_types_supported });
    expect([status, body.grant_types]).toEqual([201, grant_types_supported]);
    const form = new URLSearchParams({ client_id: String(body.client_id) });
    const begun = await gate.fetch('/oauth/device_authorization', { method: 'POST', body: form });
    expect(begun.status).toBe(200);
  });

  test('that only the operator gives can’t be had by asking', async () => {
    const { status, body } = await register({
      grant_types: ['authorization_code', 'client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    expect([status, body.grant_types]).toEqual([201, ['authorization_code']]);
  });

  test('of a client without a browser need no redirect URI', async () => {
    const { status, body } = await register({ grant_types: [DEVICE_CODE], redirect_uris: undefined });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      client_id: expect.stringMatching(/^[\w-]{22}$/),
      redirect_uris: [],
      token_endpoint_auth_method: 'none',
    });
    expect(body).not.toHaveProperty('client_secret');
  });

  test('of a client without a browser make it no client that can be sent a code', async () => {
    const { body } = await register({ grant_types: [DEVICE_CODE], redirect_uris: undefined });
    const query = new URLSearchParams({ client_id: String(body.client_id), redirect_uri: CALLBACK });
    const page = await new Browser().visit(`/authorize?${query}`);
    expect([page.status, page.location]).toEqual([400, undefined]);
  });
});

describe('a name', () => {
  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['spaces', '   '],
    ['control characters', '\0\n\t'],
  ])('has a default: %s', async (_what, client_name) => {
    const { status, body } = await register({ client_name });
    expect([status, body.client_name]).toEqual([201, 'Unnamed app']);
  });

  test.each([
    ['colons', 'acme:notes:app', 'acme:notes:app'],
    ['emoji', '🦊 Notes 👩‍👩‍👧', '🦊 Notes 👩‍👩‍👧'],
    ['200 characters', 'x'.repeat(200), 'x'.repeat(200)],
    ['newlines', 'No\r\ntes', 'No  tes'],
    ['quotes', `"Notes" & 'more'`, `"Notes" & 'more'`],
  ])('is kept: %s', async (_what, client_name, kept) => {
    const { status, body } = await register({ client_name });
    expect([status, body.client_name]).toEqual([201, kept]);
  });

  test.each([201, 10_240, 60_000])('of %i characters is refused', async (length) => {
    const { status, body, text } = await register({ client_name: 'x'.repeat(length) });
    expect([status, body.error]).toEqual([400, 'invalid_client_metadata']);
    expect(text.length).toBeLessThan(300);
  });

  test('with markup is shown as text', async () => {
    const html = await consentFor('<script>alert("xss")</script><img src=x onerror=alert(1)>');
    expect(html).not.toMatch(/<script|<img src=x/);
    expect(html).toContain('&lt;script&gt;');
  });

  test('with right-to-left marks turns nothing around but itself', async () => {
    const html = await consentFor('Claude \u202Etxt.exe\u202C\u2066');
    expect(html).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
  });
});

test('a way to authenticate that would not work later is refused at once', async () => {
  for (const token_endpoint_auth_method of ['private_key_jwt', 'tls_client_auth', 'nonsense', '']) {
    const { status, body } = await register({ token_endpoint_auth_method });
    expect([status, body.error]).toEqual([400, 'invalid_client_metadata']);
  }
});

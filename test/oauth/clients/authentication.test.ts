import { describe, expect, test } from 'vitest';
import {
  type Answer,
  authorize,
  type Client,
  type Gate,
  gate,
  gateWith,
  registerClient,
} from '../../fixtures/worker';
import { ASSERTION_TYPE, basic, publishSigningClient, registerConfidential, send } from './confidential';

type Headers = Record<string, string>;
type Form = Record<string, string>;

/** A code of that client and the parameters that redeem it, without anything that says who the client is. */
async function codeOf(client: Client, at: Gate = gate): Promise<Form> {
  const { code, code_verifier } = await authorize({ client, gate: at });
  return { grant_type: 'authorization_code', code, code_verifier, redirect_uri: client.redirect_uri };
}

function expectRefused(answer: Answer, status: number, error: string): void {
  expect([answer.status, answer.body.error]).toEqual([status, error]);
  expect(answer.body).not.toHaveProperty('access_token');
  expect(answer.headers.get('cache-control')).toBe('no-store');
}

describe('a public client', () => {
  test('says its id and nothing else', async () => {
    const client = await registerClient();
    const form = await codeOf(client);
    const answer = await send('/oauth/token', { ...form, client_id: client.client_id });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
  });

  test.each<[string, (client: Client) => { headers?: Headers; form?: Form }]>([
    ['a secret', ({ client_id }) => ({ form: { client_id, client_secret: 'x' } })],
    ['a header', ({ client_id }) => ({ headers: basic(client_id, 'x') })],
    [
      'an assertion',
      ({ client_id }) => ({
        form: { client_id, client_assertion: 'e30.e30.x', client_assertion_type: ASSERTION_TYPE },
      }),
    ],
  ])('that suddenly has %s is refused', async (_what, credentials) => {
    const client = await registerClient();
    const { headers = {}, form = {} } = credentials(client);
    const answer = await send('/oauth/token', { ...(await codeOf(client)), ...form }, headers);
    expectRefused(answer, 401, 'invalid_client');
    expect(answer.headers.get('www-authenticate')).toBe(
      'authorization' in headers ? 'Basic realm="gatehouse"' : null,
    );
  });

  test.each([
    ['none', {}],
    ['an empty one', { client_id: '' }],
    ['an unknown one', { client_id: 'unknown' }],
    ['one that is a key of our storage', { client_id: 'local-development-keys' }],
    ['one with odd characters', { client_id: '../client:x\0' }],
  ])('has to say an id that we know: %s', async (_what, form) => {
    const client = await registerClient();
    expectRefused(await send('/oauth/token', { ...(await codeOf(client)), ...form }), 401, 'invalid_client');
  });
});

describe.each(['client_secret_basic', 'client_secret_post'] as const)('a client of %s', (method) => {
  test('gets tokens with its secret', async () => {
    const client = await registerConfidential(method);
    const { headers, form } = client.credentials();
    const answer = await send('/oauth/token', { ...(await codeOf(client)), ...form }, headers);
    expect(answer.status).toBe(200);
    const refresh_token = String(answer.body.refresh_token);
    const grant = { grant_type: 'refresh_token', refresh_token };
    expect((await send('/oauth/token', { ...grant, ...form }, headers)).status).toBe(200);
    expectRefused(
      await send('/oauth/token', { ...grant, client_id: client.client_id }),
      401,
      'invalid_client',
    );
  });

  test('is refused without it, with another, and the other way; and its code still works', async () => {
    const client = await registerConfidential(method);
    const { client_id, client_secret } = client;
    const code = await codeOf(client);
    const other = await registerConfidential(method);
    const wrong: { headers?: Headers; form?: Form }[] = [
      { form: { client_id } },
      { form: { client_id, client_secret: 'x' } },
      { form: { client_id, client_secret: other.client_secret } },
      { headers: basic(client_id, 'x') },
      { headers: basic(client_id, '') },
      { headers: basic(client_id, other.client_secret) },
      method === 'client_secret_basic'
        ? { form: { client_id, client_secret } }
        : { headers: basic(client_id, client_secret) },
    ];
    for (const { headers = {}, form = {} } of wrong) {
      const answer = await send('/oauth/token', { ...code, ...form }, headers);
      expectRefused(answer, 401, 'invalid_client');
      expect(answer.headers.has('www-authenticate')).toBe('authorization' in headers);
    }
    const { headers, form } = client.credentials();
    expect((await send('/oauth/token', { ...code, ...form }, headers)).status).toBe(200);
  });
});

describe('two ways at once', () => {
  test('are refused, whichever would be right', async () => {
    const client = await registerConfidential('client_secret_basic');
    const { client_id, client_secret } = client;
    const code = await codeOf(client);
    const header = basic(client_id, client_secret);
    const assertion = { client_assertion: 'e30.e30.x', client_assertion_type: ASSERTION_TYPE };
    for (const [form, headers] of [
      [{ client_id, client_secret }, header],
      [{ client_secret }, header],
      [assertion, header],
      [{ client_id, client_secret, ...assertion }, {}],
      [{ client_id: 'another' }, header],
    ] as [Form, Headers][]) {
      expectRefused(await send('/oauth/token', { ...code, ...form }, headers), 400, 'invalid_request');
    }
    expect((await send('/oauth/token', { ...code, client_id }, header)).status).toBe(200);
  });
});

describe('a header', () => {
  test.each([
    ['of another scheme', 'Bearer x'],
    ['without credentials', 'Basic'],
    ['that is no base64', 'Basic !!!'],
    ['without a colon', `Basic ${btoa('client')}`],
    ['without a client', `Basic ${btoa(':secret')}`],
    ['with a broken escape', `Basic ${btoa('client:%zz')}`],
    ['that is no UTF-8', `Basic ${btoa('\xff\xfe:\x80')}`],
    ['with NUL', `Basic ${btoa('client\0:x')}`],
    ['of 60 kB', `Basic ${btoa('x'.repeat(45_000))}`],
  ])('%s is 401 and names the scheme', async (_what, authorization) => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x' };
    for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
      const answer = await send(path, form, { authorization });
      expectRefused(answer, 401, 'invalid_client');
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="gatehouse"');
    }
  });
});

describe('a client of CLIENTS with a secret', () => {
  const secret = 'p:ss%20 wörd+&=🦊';
  const client = { client_id: 'notes.app', redirect_uri: 'https://notes.example/callback' };
  const settings = (method: string) => ({
    CLIENTS: JSON.stringify([
      {
        client_id: client.client_id,
        name: 'Notes',
        redirect_uris: [client.redirect_uri],
        token_endpoint_auth_method: method,
      },
    ]),
    CLIENT_NOTES_APP_SECRET: secret,
  });

  test('sends any characters, each part form-encoded', async () => {
    const at = gateWith(settings('client_secret_basic'));
    const code = await codeOf(client, at);
    const answer = await send('/oauth/token', code, basic(client.client_id, secret), at);
    expect(answer.status).toBe(200);
  });

  test.each(['p+Q/a%zz==xx', 'a+b', 'a%2Bb', secret])(
    'may send %s as it is, as curl -u does',
    async (text) => {
      const at = gateWith({ ...settings('client_secret_basic'), CLIENT_NOTES_APP_SECRET: text });
      const verbatim = (given: string) => {
        const bytes = new TextEncoder().encode(`${client.client_id}:${given}`);
        return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
      };
      const code = await codeOf(client, at);
      expectRefused(await send('/oauth/token', code, verbatim(`${text}x`), at), 401, 'invalid_client');
      expect((await send('/oauth/token', code, verbatim(text), at)).status).toBe(200);
    },
  );

  test('sends them in the form where the setting says so', async () => {
    const at = gateWith(settings('client_secret_post'));
    const { client_id } = client;
    const code = await codeOf(client, at);
    expectRefused(await send('/oauth/token', { ...code, client_id }, {}, at), 401, 'invalid_client');
    const answer = await send('/oauth/token', { ...code, client_id, client_secret: secret }, {}, at);
    expect(answer.status).toBe(200);
  });
});

describe('a client that signs', () => {
  const typed = { client_assertion_type: ASSERTION_TYPE };

  test('gets tokens with its key, with and without its id in the request', async () => {
    const client = await publishSigningClient();
    for (const more of [{}, { client_id: client.client_id }]) {
      const form = { ...(await codeOf(client)), ...typed, ...more };
      const answer = await send('/oauth/token', { ...form, client_assertion: await client.assertion() });
      expect(answer.status).toBe(200);
      const refresh = {
        grant_type: 'refresh_token',
        refresh_token: String(answer.body.refresh_token),
        ...typed,
      };
      const aud = 'http://localhost:8787/oauth/token';
      const client_assertion = await client.assertion({ aud });
      expect((await send('/oauth/token', { ...refresh, client_assertion })).status).toBe(200);
    }
  });

  test('can use an assertion once', async () => {
    const client = await publishSigningClient();
    const client_assertion = await client.assertion();
    const first = { ...(await codeOf(client)), ...typed, client_assertion };
    expect((await send('/oauth/token', first)).status).toBe(200);
    const second = { ...(await codeOf(client)), ...typed, client_assertion };
    expectRefused(await send('/oauth/token', second), 401, 'invalid_client');
  });

  test.each([
    ['for somebody else', { aud: 'https://other.example' }],
    ['by somebody else', { iss: 'https://other.example/client.json' }],
    ['about somebody else', { sub: 'https://other.example/client.json' }],
    ['that is over', { exp: 1 }],
    ['that never ends', { exp: undefined }],
    ['for an hour', { exp: Math.floor(Date.now() / 1000) + 3600 }],
    ['that can be used again', { jti: undefined }],
  ])('is refused with an assertion %s', async (_what, claims) => {
    const client = await publishSigningClient();
    const form = { ...(await codeOf(client)), ...typed, client_id: client.client_id };
    const answer = await send('/oauth/token', { ...form, client_assertion: await client.assertion(claims) });
    expectRefused(answer, 401, 'invalid_client');
  });

  test.each(['http://localhost:8787/', 'HTTP://LOCALHOST:8787', 'http://LOCALHOST:8787/oauth/token'])(
    'may spell its audience otherwise: %s',
    async (aud) => {
      const client = await publishSigningClient();
      const form = { ...(await codeOf(client)), ...typed, client_id: client.client_id };
      const answer = await send('/oauth/token', {
        ...form,
        client_assertion: await client.assertion({ aud }),
      });
      expect(answer.status).toBe(200);
    },
  );

  test.each([
    ['an object', { iss: { toString: 1 } }],
    ['a list', { iss: ['x'] }],
    ['a number', { iss: 7 }],
    ['null', { iss: null }],
  ])('is refused, not an error of ours, when who it says that it is is %s', async (_what, claims) => {
    const client = await publishSigningClient();
    const assertion = await client.assertion(claims as unknown as Record<string, string>);
    const form = { ...(await codeOf(client)), ...typed, client_assertion: assertion };
    expectRefused(await send('/oauth/token', form), 401, 'invalid_client');
  });

  test('is refused with another key, without a signature, or without any', async () => {
    const [client, other] = [await publishSigningClient(), await publishSigningClient()];
    const { client_id } = client;
    const code = await codeOf(client);
    const signed = await other.assertion({ iss: client_id, sub: client_id });
    const [header = '', claims = ''] = (await client.assertion()).split('.');
    const none = btoa('{"alg":"none"}').replace(/=/g, '');
    for (const client_assertion of [signed, `${header}.${claims}.`, `${none}.${claims}.`, 'nonsense']) {
      const form = { ...code, ...typed, client_id, client_assertion };
      expectRefused(await send('/oauth/token', form), 401, 'invalid_client');
    }
    expectRefused(await send('/oauth/token', { ...code, client_id }), 401, 'invalid_client');
  });

  test('gets an error when the assertion’s type is missing or different', async () => {
    const client = await publishSigningClient();
    const code = await codeOf(client);
    for (const type of [
      {},
      { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    ]) {
      const form = { ...code, ...type, client_assertion: await client.assertion() };
      expectRefused(await send('/oauth/token', form), 400, 'invalid_request');
    }
  });

  test('may do without where its document says so, as ChatGPT’s does', async () => {
    const client = await publishSigningClient(['private_key_jwt', 'none']);
    const { client_id } = client;
    const form = { ...(await codeOf(client)), client_id };
    expect((await send('/oauth/token', form)).status).toBe(200);
    const wrong = { ...(await codeOf(client)), ...typed, client_id, client_assertion: 'nonsense' };
    expectRefused(await send('/oauth/token', wrong), 401, 'invalid_client');
  });
});

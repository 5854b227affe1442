import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type Answer,
  authorize,
  callMcp,
  connect,
  gate,
  gateWith,
  postForm,
  redeem,
  refresh,
  registerClient,
  revoke,
  tokensOf,
} from '../../fixtures/worker';
import { type Confidential, registerConfidential, send } from '../clients/confidential';

afterEach(() => {
  vi.useRealTimers();
});

function expectRefused(answer: Answer, status: number, error: string): void {
  expect([answer.status, answer.body.error]).toEqual([status, error]);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(Object.keys(answer.body).sort()).toEqual(['error', 'error_description']);
}

describe('a code', () => {
  test('becomes tokens, in the form of RFC 6749 section 5.1', async () => {
    const answer = await redeem(await authorize());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^[\w-]{32}:[\w-]{16}:[\w-]{32}$/),
      token_type: 'bearer',
      expires_in: 1800,
      refresh_token: expect.stringMatching(/^[\w-]{32}:[\w-]{16}:[\w-]{32}$/),
      scope: 'mcp:read mcp:write',
      resource: 'http://localhost:8787/mcp',
    });
  });

  test.each<[string, Record<string, string>, string]>([
    ['another redirect', { redirect_uri: 'http://127.0.0.1:1/callback' }, 'invalid_grant'],
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['an empty verifier', { code_verifier: '' }, 'invalid_request'],
    ['another resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['no code', { code: '' }, 'invalid_request'],
    ['a code that is none', { code: 'nonsense' }, 'invalid_grant'],
    ['a grant type that is none', { grant_type: 'nonsense' }, 'unsupported_grant_type'],
    ['no grant type', { grant_type: '' }, 'invalid_request'],
    ['a property of every object', { grant_type: 'constructor' }, 'unsupported_grant_type'],
    ['a grant type that is not for it', { grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    ['a password', { grant_type: 'password', username: 'x', password: 'y' }, 'unsupported_grant_type'],
  ])('is not spent by a request with %s', async (_what, form, error) => {
    const authorized = await authorize();
    expectRefused(await redeem(authorized, form), 400, error);
    expect((await redeem(authorized)).status).toBe(200);
  });

  test('of one client is nothing to another, and not spent by its try', async () => {
    const authorized = await authorize();
    const other = await registerClient({ client_name: 'Another' });
    expectRefused(await redeem(authorized, { client_id: other.client_id }), 400, 'invalid_grant');
    expect((await redeem(authorized)).status).toBe(200);
  });

  test('that we never made wakes no object', async () => {
    const { client, code } = await authorize();
    const before = (await listDurableObjectIds(env.ACCOUNT)).length;
    const [user = '', grant = '', secret = ''] = code.split(':');
    const other = user.startsWith('A') ? 'B' : 'A';
    for (const forged of [
      `${other}${user.slice(1)}:${grant}:${secret}`,
      `${'A'.repeat(32)}:${grant}:${secret}`,
    ]) {
      const form = { client_id: client.client_id, code: forged, code_verifier: 'x'.repeat(43) };
      expectRefused(
        await postForm('/oauth/token', { grant_type: 'authorization_code', ...form }),
        400,
        'invalid_grant',
      );
      const token = { client_id: client.client_id, refresh_token: forged };
      expectRefused(
        await postForm('/oauth/token', { grant_type: 'refresh_token', ...token }),
        400,
        'invalid_grant',
      );
    }
    expect(await listDurableObjectIds(env.ACCOUNT)).toHaveLength(before);
  });

  test('of a client without a browser is refused as not registered for it', async () => {
    const grant_types = ['urn:ietf:params:oauth:grant-type:device_code'];
    const { client_id } = await registerClient({ grant_types, redirect_uris: undefined });
    const form = { client_id, grant_type: 'authorization_code', code: 'x' };
    expectRefused(await postForm('/oauth/token', form), 400, 'unauthorized_client');
  });

  test('gives what lives as long as TOKENS says', async () => {
    const at = gateWith({ TOKENS: '{"access":120,"refresh":600,"code":30}' });
    const authorized = await authorize({ gate: at });
    const tokens = tokensOf(await redeem(authorized));
    expect(tokens.expires_in).toBe(120);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 121_000 });
    expect((await callMcp(tokens.access_token)).status).toBe(401);
    const next = await refresh(authorized, tokens.refresh_token);
    expect(next.status).toBe(200);
    vi.setSystemTime(Date.now() + 601_000);
    expectRefused(await refresh(authorized, tokensOf(next).refresh_token), 400, 'invalid_grant');
  });
});

describe('a refresh token', () => {
  test.each<[string, Record<string, string>, string]>([
    ['none', { refresh_token: '' }, 'invalid_request'],
    ['one that is none', { refresh_token: 'nonsense' }, 'invalid_grant'],
    ['another resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['only scopes that it has not', { scope: 'mcp:destructive' }, 'invalid_scope'],
  ])('is refused with %s, and works afterwards', async (_what, form, error) => {
    const connected = await connect();
    const { refresh_token } = connected.tokens;
    expectRefused(await refresh(connected, refresh_token, form), 400, error);
    expect((await refresh(connected, refresh_token)).status).toBe(200);
  });

  test('never gives more than the person allowed', async () => {
    const connected = await connect({ scope: ['mcp:read'] });
    const answer = await refresh(connected, connected.tokens.refresh_token, {
      scope: 'mcp:read mcp:write mcp:destructive',
    });
    expect(String(answer.body.scope ?? '')).not.toMatch(/write|destructive/);
  });

  test('of one client is nothing to another, and not spent by its try', async () => {
    const connected = await connect();
    const client = await registerClient({ client_name: 'Another' });
    const { refresh_token } = connected.tokens;
    expectRefused(await refresh({ gate, client }, refresh_token), 400, 'invalid_grant');
    expect((await refresh(connected, refresh_token)).status).toBe(200);
  });

  test('is not an access token, and an access token or a code is not one', async () => {
    const connected = await connect();
    expectRefused(await refresh(connected, connected.tokens.access_token), 400, 'invalid_grant');
    expectRefused(await refresh(connected, connected.code), 400, 'invalid_grant');
    expectRefused(await redeem({ ...connected, code: connected.tokens.refresh_token }), 400, 'invalid_grant');
    expect((await refresh(connected, connected.tokens.refresh_token)).status).toBe(200);
  });
});

describe('revocation', () => {
  test.each([
    ['an access token', 'access_token'],
    ['a refresh token', 'refresh_token'],
  ] as const)('ends %s, and says no more than 200', async (_what, name) => {
    const connected = await connect();
    for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
      const response = await gate.fetch('/oauth/revoke', {
        method: 'POST',
        body: new URLSearchParams({
          client_id: connected.client.client_id,
          token: connected.tokens[name],
          token_type_hint: hint,
        }),
      });
      expect([response.status, await response.text()]).toEqual([200, '']);
    }
    expect((await callMcp(connected.tokens.access_token)).status).toBe(401);
    expect((await refresh(connected, connected.tokens.refresh_token)).status).toBe(
      name === 'access_token' ? 200 : 400,
    );
  });

  test.each([
    ['nonsense', 'nonsense'],
    ['a made-up one in our form', `${'A'.repeat(32)}:${'B'.repeat(16)}:${'C'.repeat(32)}`],
    ['60 kB', 'x'.repeat(60_000)],
  ])('of a token that never was is 200: %s', async (_what, token) => {
    const client = await registerClient();
    expect((await revoke({ gate, client }, token)).status).toBe(200);
  });

  test('is for the app that holds the token: another’s try is 200 and ends nothing', async () => {
    const connected = await connect();
    const client = await registerClient({ client_name: 'Another' });
    for (const token of [connected.tokens.access_token, connected.tokens.refresh_token]) {
      expect((await revoke({ gate, client }, token)).status).toBe(200);
    }
    expect((await callMcp(connected.tokens.access_token)).status).toBe(200);
  });

  test('with a refresh token that was rotated ends the grant', async () => {
    const connected = await connect();
    const next = tokensOf(await refresh(connected, connected.tokens.refresh_token));
    await revoke(connected, connected.tokens.refresh_token);
    expect((await callMcp(next.access_token)).status).toBe(401);
  });

  test('needs a token and a client that proves itself', async () => {
    const { client_id } = await registerClient();
    expectRefused(await postForm('/oauth/revoke', { client_id }), 400, 'invalid_request');
    expectRefused(await postForm('/oauth/revoke', { token: 'x' }), 401, 'invalid_client');
    const confidential = await registerConfidential('client_secret_post');
    const form = { client_id: confidential.client_id, token: 'x' };
    expectRefused(await postForm('/oauth/revoke', form), 401, 'invalid_client');
  });
});

describe('introspection', () => {
  /** Tokens of a client that has a secret. */
  async function connectConfidential(method: 'client_secret_basic' | 'client_secret_post') {
    const client = await registerConfidential(method);
    const authorized = await authorize({ client, user: { name: 'Ada' } });
    const { headers, form } = client.credentials();
    const { code, code_verifier } = authorized;
    const grant = {
      grant_type: 'authorization_code',
      code,
      code_verifier,
      redirect_uri: client.redirect_uri,
    };
    const tokens = tokensOf(await send('/oauth/token', { ...grant, ...form }, headers));
    return { client, tokens };
  }

  const introspect = (client: Confidential, token: string) => {
    const { headers, form } = client.credentials();
    return send('/oauth/introspect', { token, ...form }, headers);
  };

  test.each(['client_secret_basic', 'client_secret_post'] as const)(
    'tells a client with a secret about its own tokens: %s',
    async (method) => {
      const { client, tokens } = await connectConfidential(method);
      const about = {
        active: true,
        scope: 'mcp:read mcp:write',
        client_id: client.client_id,
        username: 'Ada',
        sub: tokens.access_token.split(':')[0],
        aud: 'http://localhost:8787/mcp',
        iss: 'http://localhost:8787',
        iat: expect.any(Number),
        exp: expect.any(Number),
      };
      const access = await introspect(client, tokens.access_token);
      expect([access.status, access.body]).toEqual([200, about]);
      expect(Number(access.body.exp) - Number(access.body.iat)).toBe(1800);
      expect(access.headers.get('cache-control')).toBe('no-store');
      expect((await introspect(client, tokens.refresh_token)).body).toEqual(about);
    },
  );

  test('tells nothing of tokens that are not its own, are over, or never were', async () => {
    const { client, tokens } = await connectConfidential('client_secret_basic');
    const others = await connectConfidential('client_secret_basic');
    const publics = await connect();
    const rotated = tokens.refresh_token;
    const { headers } = client.credentials();
    const grant = { grant_type: 'refresh_token', refresh_token: rotated };
    const next = tokensOf(await send('/oauth/token', grant, headers));
    expect((await introspect(client, next.access_token)).body.active).toBe(true);
    await send('/oauth/revoke', { token: next.access_token }, headers);
    for (const token of [
      others.tokens.access_token,
      others.tokens.refresh_token,
      publics.tokens.access_token,
      rotated,
      next.access_token,
      'nonsense',
      `${'A'.repeat(32)}:${'B'.repeat(16)}:${'C'.repeat(32)}`,
    ]) {
      const { status, body } = await introspect(client, token);
      expect([status, body]).toEqual([200, { active: false }]);
    }
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1_801_000 });
    expect((await introspect(client, tokens.access_token)).body).toEqual({ active: false });
    expect((await introspect(client, next.refresh_token)).body.active).toBe(true);
  });

  test('is nothing for a public client, whose id anybody can say', async () => {
    const { client, tokens } = await connect();
    const form = { client_id: client.client_id, token: tokens.access_token };
    expectRefused(await postForm('/oauth/introspect', form), 401, 'invalid_client');
  });

  test('needs a token and the right secret', async () => {
    const client = await registerConfidential('client_secret_post');
    const { client_id } = client;
    expectRefused(await send('/oauth/introspect', client.credentials().form), 400, 'invalid_request');
    const wrong = { client_id, client_secret: 'x', token: 'x' };
    expectRefused(await postForm('/oauth/introspect', wrong), 401, 'invalid_client');
  });
});

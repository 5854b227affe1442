import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { claimedIssuer, verifyClientAssertion } from '../../../src/oauth/clients/assertion';
import type { Client } from '../../../src/oauth/protocol/client';

const client_id = 'https://app.example/oauth/client.json';
const issuer = 'https://gate.example';
const audiences = [issuer, `${issuer}/oauth/token`];
const now = Math.floor(Date.now() / 1000);
const claims = { iss: client_id, sub: client_id, aud: issuer, iat: now, exp: now + 60, jti: 'one' };
const es256 = await generateKeyPair('ES256');

async function publicJwk(key: CryptoKey, kid: string): Promise<JsonWebKey> {
  const { kty = '', ...rest } = await exportJWK(key);
  return { ...rest, kty, kid } as JsonWebKey;
}

function clientWith(assertion_keys: Client['assertion_keys']): Client {
  return {
    client_id,
    kind: 'document',
    name: 'App',
    redirect_uris: ['https://app.example/cb'],
    auth_methods: ['private_key_jwt'],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    ...(assertion_keys && { assertion_keys }),
  };
}

const inline = clientWith({
  jwks: { keys: [await publicJwk(es256.publicKey, 'a')] },
  algorithms: ['ES256'],
});

function signed(payload: object, header = {}, key = es256.privateKey) {
  return new SignJWT(payload as JWTPayload)
    .setProtectedHeader({ alg: 'ES256', kid: 'a', ...header })
    .sign(key);
}

function verify(client: Client, assertion: string) {
  return verifyClientAssertion(client, assertion, audiences, { loopbackHosts: [], now });
}

describe('verifyClientAssertion', () => {
  it.each([
    ['the issuer', { aud: issuer }],
    ['the token endpoint', { aud: `${issuer}/oauth/token` }],
    ['one of several audiences', { aud: [issuer] }],
    ['five minutes', { exp: now + 300 }],
    ['a clock a minute off', { exp: now - 59, iat: now + 59 }],
    ['no iat', { iat: undefined }],
  ])('knows the client by an assertion for %s', async (_, change) => {
    const payload = { ...claims, ...change };
    const verified = await verify(inline, await signed(payload));
    expect(verified).toEqual({ ok: true, value: { jti: 'one', exp: payload.exp } });
  });

  it.each([
    ['assertion_claim', { iss: 'https://evil.example/client.json' }],
    ['assertion_claim', { iss: undefined }],
    ['assertion_claim', { sub: 'somebody' }],
    ['assertion_claim', { sub: undefined }],
    ['assertion_claim', { aud: 'https://other.example' }],
    ['assertion_claim', { aud: undefined }],
    ['assertion_claim', { exp: undefined }],
    ['assertion_claim', { exp: now + 361 }],
    ['assertion_expired', { exp: now - 61 }],
    ['assertion_claim', { iat: now + 61 }],
    ['assertion_claim', { nbf: now + 61 }],
    ['assertion_claim', { jti: undefined }],
    ['assertion_claim', { jti: '' }],
  ])('refuses with %s what claims %j', async (reason, change) => {
    const assertion = await signed({ ...claims, ...change });
    expect(await verify(inline, assertion)).toMatchObject({ ok: false, error: { reason } });
  });

  it('refuses a typed assertion that is not for the issuer alone', async () => {
    const typ = 'client-authentication+jwt';
    expect(await verify(inline, await signed(claims, { typ }))).toMatchObject({ ok: true });
    for (const aud of [`${issuer}/oauth/token`, [issuer]]) {
      const assertion = await signed({ ...claims, aud }, { typ });
      expect(await verify(inline, assertion)).toMatchObject({ error: { reason: 'assertion_claim' } });
    }
  });

  it('refuses an assertion that demands an extension nobody here knows', async () => {
    const [, payload, signature] = (await signed(claims)).split('.');
    const header = btoa(JSON.stringify({ alg: 'ES256', kid: 'a', crit: ['x'], x: 1 })).replace(/=+$/, '');
    expect(await verify(inline, `${header}.${payload}.${signature}`)).toMatchObject({
      error: { reason: 'assertion_malformed' },
    });
  });

  it("refuses a signature that is not by the client's key", async () => {
    const other = await generateKeyPair('ES256');
    const forged = await signed(claims, {}, other.privateKey);
    expect(await verify(inline, forged)).toMatchObject({ error: { reason: 'assertion_signature' } });
    const unknown = await signed(claims, { kid: 'b' }, other.privateKey);
    expect(await verify(inline, unknown)).toMatchObject({ error: { reason: 'assertion_key_unknown' } });
  });

  it('refuses an assertion without a signature, or signed with a public key as if it were a secret', async () => {
    const unsecured = new UnsecuredJWT(claims).encode();
    expect(await verify(inline, unsecured)).toMatchObject({ ok: false });
    const secret = new TextEncoder().encode(JSON.stringify(inline.assertion_keys?.jwks?.keys[0]));
    const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'a' }).sign(secret);
    expect(await verify(inline, symmetric)).toMatchObject({ error: { reason: 'assertion_algorithm' } });
    const trusting = clientWith({ jwks: inline.assertion_keys?.jwks ?? { keys: [] }, algorithms: ['HS256'] });
    expect(await verify(trusting, symmetric)).toMatchObject({ ok: false });
  });

  it.each(['RS256', 'PS256', 'EdDSA'])(
    'takes %s, from a client that named it and from no other',
    async (alg) => {
      const pair = await generateKeyPair(alg);
      const assertion = await new SignJWT(claims).setProtectedHeader({ alg }).sign(pair.privateKey);
      const keys = { jwks: { keys: [await publicJwk(pair.publicKey, 'a')] } };
      expect(await verify(clientWith({ ...keys, algorithms: [alg] }), assertion)).toMatchObject({ ok: true });
      expect(await verify(clientWith({ ...keys, algorithms: ['ES256'] }), assertion)).toMatchObject({
        error: { reason: 'assertion_algorithm' },
      });
    },
  );

  it.each(['', 'a.b.c', 'not a jwt', 'x'.repeat(20_000)])(
    'refuses %.20j as unreadable',
    async (assertion) => {
      expect(await verify(inline, assertion)).toMatchObject({ error: { reason: 'assertion_malformed' } });
    },
  );

  it('refuses any assertion from a client that has no keys', async () => {
    const { assertion_keys: _, ...bare } = inline;
    const assertion = await signed(claims);
    expect(await verify(bare, assertion)).toMatchObject({ error: { reason: 'assertion_unexpected' } });
    const publicOnly: Client = { ...inline, auth_methods: ['none'] };
    expect(await verify(publicOnly, assertion)).toMatchObject({ error: { reason: 'assertion_unexpected' } });
  });
});

describe('keys by jwks_uri', () => {
  let requests = 0;
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  /** A URL of its own for each test: what was fetched stays for as long as the isolate lives. */
  function remote(path: string, answer: () => Response | Promise<Response>) {
    requests = 0;
    vi.stubGlobal('fetch', async () => {
      requests += 1;
      return answer();
    });
    return clientWith({ jwks_uri: `https://app.example/${path}`, algorithms: ['ES256'] });
  }

  it('are fetched once for many assertions, and again after five minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 });
    const keys = [await publicJwk(es256.publicKey, 'a')];
    const client = remote('once', () => Response.json({ keys }));
    const assertion = await signed({ ...claims, exp: now + 350 });
    for (let i = 0; i < 3; i++) expect(await verify(client, assertion)).toMatchObject({ ok: true });
    expect(requests).toBe(1);
    vi.setSystemTime((now + 301) * 1000);
    expect(await verify(client, assertion)).toMatchObject({ ok: true });
    expect(requests).toBe(2);
  });

  it('are fetched again for a key that is new, but not for every forged one', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 });
    const next = await generateKeyPair('ES256');
    let keys = [await publicJwk(es256.publicKey, 'a')];
    const client = remote('rotated', () => Response.json({ keys }));
    expect(await verify(client, await signed(claims))).toMatchObject({ ok: true });
    const forged = await signed(claims, { kid: 'made-up' });
    for (let i = 0; i < 3; i++) {
      expect(await verify(client, forged)).toMatchObject({ error: { reason: 'assertion_key_unknown' } });
    }
    expect(requests).toBe(1);
    keys = [...keys, await publicJwk(next.publicKey, 'b')];
    vi.setSystemTime((now + 31) * 1000);
    expect(await verify(client, await signed(claims, { kid: 'b' }, next.privateKey))).toMatchObject({
      ok: true,
    });
    expect(requests).toBe(2);
  });

  it.each<[string, () => Response]>([
    ['answers 500', () => new Response(null, { status: 500 })],
    ['redirects', () => new Response(null, { status: 302, headers: { location: 'https://10.0.0.1/' } })],
    [
      'is down',
      () => {
        throw new TypeError('connection refused');
      },
    ],
    ['serves a page', () => new Response('<!doctype html>')],
    ['serves no key set', () => Response.json({ hello: 'there' })],
    ['serves more than 64 kB', () => Response.json({ keys: [], filler: 'x'.repeat(64 * 1024) })],
  ])('refuse, and do not throw, when their host %s', async (path, answer) => {
    const client = remote(encodeURIComponent(path), answer);
    const verified = await verify(client, await signed(claims));
    expect(verified).toMatchObject({ ok: false, error: { reason: 'assertion_keys_unavailable' } });
  });

  it('are never fetched from a private address', async () => {
    const client = remote('unused', () => Response.json({ keys: [] }));
    const inside = {
      ...client,
      assertion_keys: { jwks_uri: 'https://10.0.0.1/keys', algorithms: ['ES256'] },
    };
    const verified = await verify(inside, await signed(claims));
    expect(verified).toMatchObject({
      error: { reason: 'assertion_keys_unavailable', detail: 'url_forbidden' },
    });
    expect(requests).toBe(0);
  });
});

describe('claimedIssuer', () => {
  it('reads whose assertion it claims to be, and nothing from what is none', async () => {
    expect(claimedIssuer(await signed(claims))).toBe(client_id);
    for (const text of ['', 'a.b.c', 'x'.repeat(20_000)]) expect(claimedIssuer(text)).toBeUndefined();
  });
});

import { createLocalJWKSet, decodeProtectedHeader, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectTo, gateBefore, ORIGIN, plainServer } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { type Gate, gate } from '../fixtures/worker';

const DAY = 86_400_000;
const keysOf = async (at: Gate) => (await (await at.fetch('/.well-known/jwks.json')).json()) as JSONWebKeySet;

afterEach(() => {
  vi.useRealTimers();
});

/** The token that reached a server of these settings, in the header where it belongs, and its gate. */
async function tokenAt(setting: Record<string, unknown>, variables: object = {}, header = 'authorization') {
  const behind = plainServer();
  const at = gateBefore({ one: { behind, setting } }, { SERVER_ONE_SECRET: 'shared', ...variables });
  const user = { name: 'Ada', email: 'ada@acme.example', groups: 'staff, ops' };
  const connected = await connectTo(at, 'one', { user, scope: ['mcp:write'] });
  const caller = new Caller(connected, 'one');
  await caller.send({ headers: { 'gatehouse-identity': 'e30.e30.' } });
  const headers = behind.received.at(-1)?.headers ?? new Headers();
  const token = (headers.get(header) ?? '').replace(/^Bearer /, '');
  return { token, at, headers, connected, caller, behind };
}

describe('who is calling', () => {
  test('is sent to a server in a token of five minutes that it verifies with the published keys', async () => {
    const { token, at, connected, headers } = await tokenAt({ auth: 'identity' });
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(await keysOf(at)), {
      issuer: ORIGIN,
      audience: `${ORIGIN}/mcp/one`,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      maxTokenAge: 300,
      requiredClaims: ['jti', 'sub', 'exp'],
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) });
    expect(payload).toMatchObject({
      sub: connected.tokens.access_token.split(':')[0],
      client_id: connected.client.client_id,
      scope: 'mcp:read mcp:write',
      name: 'Ada',
      email: 'ada@acme.example',
      email_verified: true,
      groups: ['staff', 'ops'],
      roles: ['owner'],
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    expect(headers.get('gatehouse-identity')).toBeNull();
    expect(token).not.toContain(connected.tokens.access_token.slice(-20));
  });

  test('is for that server only, and new each time', async () => {
    const { token, caller, behind, at } = await tokenAt({ auth: 'identity' });
    await caller.send();
    expect(behind.received.at(-1)?.headers.get('authorization')).not.toContain(token);
    const verified = jwtVerify(token, createLocalJWKSet(await keysOf(at)), { audience: `${ORIGIN}/mcp/two` });
    await expect(verified).rejects.toThrow(errors.JWTClaimValidationFailed);
  });

  test('has the server’s address as its audience', async () => {
    const url = 'https://one.example/mcp';
    const sent = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(null, { status: 400 }));
    try {
      const at = gateBefore({ one: { setting: { url, auth: 'identity' } } });
      await new Caller(await connectTo(at, 'one'), 'one').send();
      const headers = new Headers(sent.mock.calls.at(-1)?.[1]?.headers);
      const token = (headers.get('authorization') ?? '').replace('Bearer ', '');
      const { payload } = await jwtVerify(token, createLocalJWKSet(await keysOf(at)), { audience: url });
      expect(payload.iss).toBe(ORIGIN);
      expect(payload).not.toHaveProperty('email');
    } finally {
      sent.mockRestore();
    }
  });

  test('uses PUBLIC_URL, whatever the request’s own host is', async () => {
    const PUBLIC_URL = 'http://127.0.0.1:9000';
    const behind = plainServer();
    const at = {
      ...gateBefore({ one: { behind, setting: { auth: 'identity' } } }, { PUBLIC_URL }),
      origin: PUBLIC_URL,
    };
    await new Caller(await connectTo(at, 'one'), 'one').send();
    const token = behind.received.at(-1)?.headers.get('authorization')?.replace('Bearer ', '') ?? '';
    const options = { issuer: PUBLIC_URL, audience: `${PUBLIC_URL}/mcp/one` };
    await expect(jwtVerify(token, createLocalJWKSet(await keysOf(at)), options)).resolves.toBeDefined();
  });

  test('is sent in a header of its own, with another credential or none', async () => {
    for (const auth of ['static', 'none']) {
      const { token, headers, at } = await tokenAt({ auth, identity: true }, {}, 'gatehouse-identity');
      const options = { issuer: ORIGIN, audience: `${ORIGIN}/mcp/one` };
      await expect(jwtVerify(token, createLocalJWKSet(await keysOf(at)), options)).resolves.toBeDefined();
      expect(headers.get('authorization')).toBe(auth === 'static' ? 'shared' : null);
    }
  });

  test('is not sent to a server that doesn’t ask for it', async () => {
    for (const auth of ['static', 'none']) {
      const { headers } = await tokenAt({ auth });
      expect(headers.get('gatehouse-identity')).toBeNull();
    }
  });

  test('has the role at that server', async () => {
    const roles = [{ role: 'viewer', provider: 'local', users: ['Ada'] }];
    const { token, at } = await tokenAt(
      { auth: 'identity', roles: [{ role: 'member', methods: ['local'] }] },
      { ROLES: roles },
    );
    const { payload } = await jwtVerify(token, createLocalJWKSet(await keysOf(at)));
    expect(payload.roles).toEqual(['member']);
  });
});

describe('the published keys', () => {
  test('are public alone, for anybody, and may be kept an hour', async () => {
    const response = await gate.fetch('/.well-known/jwks.json', {
      headers: { origin: 'https://any.example' },
    });
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const { keys } = (await response.json()) as JSONWebKeySet;
    expect(keys).toHaveLength(3);
    expect(new Set(keys.map(({ kid, x }) => `${kid} ${x}`)).size).toBe(3);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
    }
  });

  test('hold the next key a period before it signs, and the last one after', async () => {
    const { token, at, caller, behind } = await tokenAt({ auth: 'identity' });
    const early = await keysOf(at);
    expect(early.keys.map(({ kid }) => kid)).toContain(decodeProtectedHeader(token).kid);
    // The refresh of the access token is not the matter here: the grant's own stays good for so long.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30 * DAY });
    const late = await keysOf(at);
    const [last, current] = late.keys.map(({ kid }) => kid);
    expect(last).toBe(decodeProtectedHeader(token).kid);
    expect(early.keys.map(({ kid }) => kid)).toContain(current);
    const fresh = new Caller(await connectTo(at, 'one'), 'one');
    await fresh.send();
    const next = behind.received.at(-1)?.headers.get('authorization')?.replace('Bearer ', '') ?? '';
    expect(decodeProtectedHeader(next).kid).toBe(current);
    // Whoever read the keys a period ago knows it already.
    const options = { currentDate: new Date() };
    await expect(jwtVerify(next, createLocalJWKSet(early), options)).resolves.toBeDefined();
    expect((await caller.send()).status).toBe(401);
  });

  test('hold those of an older master key, which new tokens are not signed with', async () => {
    const key = (text: string) => btoa(text.padEnd(32, '.'));
    const old = { '2026-01': key('old'), ids: key('ids') };
    const rotated = { '2026-02': key('new'), ...old };
    const before = await tokenAt({ auth: 'identity' }, { GATEHOUSE_KEYS: JSON.stringify(old) });
    const after = await tokenAt({ auth: 'identity' }, { GATEHOUSE_KEYS: JSON.stringify(rotated) });
    const published = await keysOf(after.at);
    expect(published.keys).toHaveLength(6);
    const set = createLocalJWKSet(published);
    await expect(jwtVerify(before.token, set)).resolves.toBeDefined();
    await expect(jwtVerify(after.token, set)).resolves.toBeDefined();
    expect(decodeProtectedHeader(after.token).kid).toMatch(/^2026-02/);
    const removed = gateBefore(
      {},
      { GATEHOUSE_KEYS: JSON.stringify({ '2026-02': key('new'), ids: key('ids') }) },
    );
    await expect(jwtVerify(before.token, createLocalJWKSet(await keysOf(removed)))).rejects.toThrow(
      errors.JWKSNoMatchingKey,
    );
  });
});

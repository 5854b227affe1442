import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { now, pass, startClock, stopClock } from '../../fixtures/clock';
import { callMcp, gateWith } from '../../fixtures/worker';
import { ASSERTION_TYPE, basic, send } from '../clients/confidential';

beforeEach(stopClock);
afterEach(startClock);

const NIGHTLY = {
  client_id: 'nightly',
  name: 'Nightly job',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  role: 'member',
};
const CLIENT_NIGHTLY_SECRET = 'a secret of the nightly job';
const SERVERS = JSON.stringify(
  ['notes', 'wiki'].map((name) => ({ name, url: `https://${name}.example/mcp`, auth: 'none' })),
);
const gateFor = (changes: object = {}, variables: object = {}) =>
  gateWith({ CLIENTS: JSON.stringify([{ ...NIGHTLY, ...changes }]), CLIENT_NIGHTLY_SECRET, ...variables });
const ask = (at = gateFor(), form: Record<string, string> = {}, secret = CLIENT_NIGHTLY_SECRET) =>
  send('/oauth/token', { grant_type: 'client_credentials', ...form }, basic('nightly', secret), at);

describe('a client of the settings', () => {
  it('acts for itself, as a service with the role that the settings give it', async () => {
    const at = gateFor({ servers: ['wiki'] }, { SERVERS });
    const { status, body } = await ask(at);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ expires_in: 1800, token_type: 'bearer' }),
    ]);
    expect(body).not.toHaveProperty('refresh_token');
    expect((await callMcp(String(body.access_token), { gate: at })).body).toMatchObject({
      result: {
        structuredContent: {
          user: { name: 'Nightly job', email_verified: false },
          client: 'Nightly job',
          role: 'member',
          scope: 'mcp:read mcp:write',
          servers: ['wiki'],
        },
      },
    });
    const introspected = await send(
      '/oauth/introspect',
      { token: String(body.access_token) },
      basic('nightly', CLIENT_NIGHTLY_SECRET),
      at,
    );
    expect(introspected.body).toMatchObject({ active: true, client_id: 'nightly' });
    pass(1800);
    expect((await callMcp(String(body.access_token), { gate: at })).status).toBe(401);
  });

  it('gets no more than its role, its scope and what it asked for', async () => {
    const scopeOf = async (changes: object, scope?: string) =>
      (await ask(gateFor(changes), scope === undefined ? {} : { scope })).body.scope;
    expect(await scopeOf({}, 'mcp:destructive')).toBe('mcp:read mcp:write');
    expect(await scopeOf({ role: 'owner' }, 'mcp:destructive')).toBe('mcp:read mcp:write mcp:destructive');
    expect(await scopeOf({ role: 'owner', scope: 'mcp:read' }, 'mcp:destructive')).toBe('mcp:read');
    expect(await scopeOf({}, 'mcp:read')).toBe('mcp:read');
    expect((await ask(gateFor(), { scope: 'unknown' })).body.error).toBe('invalid_scope');
    expect((await ask(gateFor(), { resource: 'https://other.example' })).body.error).toBe('invalid_target');
  });

  it('loses it the moment that the settings no longer say so, or it revokes its token', async () => {
    const { body } = await ask();
    const token = String(body.access_token);
    expect((await callMcp(token, { gate: gateFor({ role: 'viewer' }) })).body).toMatchObject({
      result: { structuredContent: { role: 'viewer', scope: 'mcp:read' } },
    });
    expect((await callMcp(token, { gate: gateWith({ CLIENTS: '[]' }) })).status).toBe(401);
    await send('/oauth/revoke', { token }, basic('nightly', CLIENT_NIGHTLY_SECRET), gateFor());
    expect((await callMcp(token, { gate: gateFor() })).status).toBe(401);
  });

  it('is refused with a wrong secret, without one, and when the settings don’t allow this grant', async () => {
    expect((await ask(gateFor(), {}, 'wrong')).status).toBe(401);
    const bare = { grant_type: 'client_credentials', client_id: 'nightly' };
    expect((await send('/oauth/token', bare, {}, gateFor())).status).toBe(401);
    const web = { grant_types: undefined, role: undefined, redirect_uris: ['https://jobs.example/callback'] };
    const service = { ...NIGHTLY, client_id: 'other' };
    const at = gateWith({
      CLIENTS: JSON.stringify([{ ...NIGHTLY, ...web }, service]),
      CLIENT_NIGHTLY_SECRET,
      CLIENT_OTHER_SECRET: 'other',
    });
    const refused = await ask(at);
    expect([refused.status, refused.body.error]).toEqual([400, 'unauthorized_client']);
  });

  it('may sign instead, with keys that stand in the settings: once for each assertion', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwks = { keys: [await exportJWK(publicKey)] };
    const at = gateFor({ token_endpoint_auth_method: 'private_key_jwt', jwks });
    const client_assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('nightly')
      .setSubject('nightly')
      .setAudience(at.origin)
      .setExpirationTime(now() + 60)
      .sign(privateKey);
    const form = {
      grant_type: 'client_credentials',
      client_assertion,
      client_assertion_type: ASSERTION_TYPE,
    };
    expect((await send('/oauth/token', form, {}, at)).status).toBe(200);
    expect((await send('/oauth/token', form, {}, at)).status).toBe(401);
    expect((await ask(at)).status).toBe(401);
  });

  it('is no person: rules for people give it nothing, and its name is nobody’s', async () => {
    const everybody = [{ role: 'admin', methods: ['oidc', 'local'] }];
    const notes = { name: 'notes', url: 'https://notes.example/mcp', auth: 'none', roles: everybody };
    const settings = {
      ROLES: JSON.stringify(everybody),
      SERVERS: JSON.stringify([notes]),
      DEFAULT_ROLE: 'owner',
    };
    const at = gateFor({ role: 'viewer' }, settings);
    const { body } = await ask(at, { scope: 'mcp:destructive' });
    expect(body.scope).toBe('mcp:read');
    expect((await callMcp(String(body.access_token), { gate: at })).body).toMatchObject({
      result: { structuredContent: { role: 'viewer', servers: ['notes'] } },
    });
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { getOAuthApi, type OAuthHelpers } from '@cloudflare/workers-oauth-provider';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { now, startClock, stopClock } from '../../fixtures/clock';
import {
  accountOf,
  callMcp,
  connect,
  grantIdOf,
  refresh,
  registerClient,
  revoke,
} from '../../fixtures/worker';

/*
 * What the copies in KV are good for (docs/adr/0002-the-oauth-library.md): the library's own API reads them, as any
 * Worker would that has this library and this namespace.
 */

beforeEach(stopClock);
afterEach(startClock);

function libraryApi(origin: string): OAuthHelpers {
  const handler = { fetch: () => new Response(null, { status: 404 }) };
  const options = {
    apiRoute: `${origin}/mcp`,
    apiHandler: handler,
    defaultHandler: handler,
    authorizeEndpoint: `${origin}/authorize`,
    tokenEndpoint: `${origin}/oauth/token`,
    resourceMetadata: { resource: `${origin}/mcp` },
  };
  return getOAuthApi(options, { OAUTH_KV: env.OAUTH_KV });
}

/** An app that somebody allowed, once its copies are in KV. */
async function copied(name: string) {
  const app = await connect({ user: { name } });
  await runDurableObjectAlarm(accountOf(app.tokens.access_token));
  const userId = app.tokens.access_token.split(':')[0] ?? '';
  return { ...app, userId, api: libraryApi(app.gate.origin) };
}

describe("the library's own API", () => {
  it('lists what a user allowed: which client, for what, until when', async () => {
    const { api, userId, client, tokens } = await copied('Listed');
    const { items, cursor } = await api.listUserGrants(userId);
    expect(items).toEqual([
      {
        id: grantIdOf(tokens.access_token),
        clientId: client.client_id,
        userId,
        scope: expect.arrayContaining(['mcp:read']),
        metadata: { servers: expect.any(Array) },
        createdAt: now(),
        expiresAt: now() + 30 * 86_400,
        redirectUri: client.redirect_uri,
        resource: expect.stringMatching(/\/mcp$/),
      },
    ]);
    expect(cursor).toBeUndefined();
  });

  it('lists nothing of a grant that was revoked', async () => {
    const { api, userId, tokens, ...authorized } = await copied('Revoked');
    await revoke(authorized, tokens.refresh_token);
    await runDurableObjectAlarm(accountOf(tokens.access_token));
    expect((await api.listUserGrants(userId)).items).toEqual([]);
  });

  it('looks up a registered client, and lists it, its secret as a hash', async () => {
    const { client_id } = await registerClient({
      client_name: 'Looked up',
      redirect_uris: ['https://app.example/callback'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    const api = libraryApi('http://localhost:8787');
    const found = await api.lookupClient(client_id);
    expect(found).toMatchObject({
      clientId: client_id,
      clientName: 'Looked up',
      redirectUris: ['https://app.example/callback'],
      tokenEndpointAuthMethod: 'client_secret_post',
    });
    expect(found?.clientSecret).toMatch(/^[0-9a-f]{64}$/);
    expect((await api.listClients()).items).toContainEqual(found);
  });

  it('opens the encrypted props with a token at hand, and with no other', async () => {
    const { api, userId, tokens, client } = await copied('Opened');
    const token = await api.unwrapToken(tokens.access_token);
    expect(token).toMatchObject({ userId, expiresAt: now() + 1800, grant: { clientId: client.client_id } });
    expect(token?.grant.props).toMatchObject({ user: { id: userId, name: 'Opened' } });
    expect(await api.unwrapToken(`${tokens.access_token.slice(0, -1)}~`)).toBeNull();
  });
});

describe('a backup of the copies', () => {
  it('restores a client: its app goes on where it was', async () => {
    const { client, tokens, ...authorized } = await copied('Restored');
    const name = `client:${client.client_id}`;
    const backup = await env.OAUTH_KV.get(name);
    await env.OAUTH_KV.delete(name);
    expect((await refresh({ ...authorized, client }, tokens.refresh_token)).status).toBe(401);
    await env.OAUTH_KV.put(name, backup ?? '');
    expect((await refresh({ ...authorized, client }, tokens.refresh_token)).status).toBe(200);
  });

  it("restores no access: without the account's own storage its tokens are worth nothing", async () => {
    const { api, userId, tokens, ...authorized } = await copied('Lost');
    const account = accountOf(tokens.access_token);
    await runInDurableObject(account, (_, { storage }) => storage.deleteAll());
    await evictDurableObject(account);
    expect((await callMcp(tokens.access_token)).status).toBe(401);
    expect((await refresh(authorized, tokens.refresh_token)).status).toBe(400);
    expect((await api.listUserGrants(userId)).items).toHaveLength(1);
  });
});

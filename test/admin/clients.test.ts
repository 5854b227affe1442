import { runDurableObjectAlarm } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { adminGate, asAdmin } from '../fixtures/admins';
import { accountOfUser, callApi } from '../fixtures/keys';
import { entriesOf } from '../fixtures/trail';
import {
  Browser,
  type Client,
  callMcp,
  connect,
  grantIdOf,
  refresh,
  registerClient,
} from '../fixtures/worker';

const at = adminGate({ AUDIT: { mode: 'strict' }, DEFAULT_ROLE: 'member' });

/** Somebody with an app; each registers as one of its own, unless it is given. */
async function app(name: string, given?: Client) {
  const client = given ?? (await registerClient({ client_name: `App of ${name}` }, at));
  const made = await connect({ gate: at, user: { name }, client });
  const user = made.tokens.access_token.split(':')[0] ?? '';
  await runDurableObjectAlarm(accountOfUser(user));
  return { ...made, user };
}

describe('an app', () => {
  it('is listed with how many use it, and blocked for everybody at once', async () => {
    const one = await app('App Ann');
    const two = await app('App Bob', one.client);
    const other = await app('App Cy');
    const admin = await asAdmin(at);
    const id = one.client.client_id;
    const listed = async () => {
      const { body } = await callApi(admin, '/api/admin/clients');
      return (body.items as { id: string }[]).find((item) => item.id === id);
    };
    await vi.waitFor(
      async () => expect(await listed()).toMatchObject({ users: 2, grants: 2, blocked: false }),
      { timeout: 10_000 },
    );
    expect((await callApi(admin, `/api/admin/clients/${id}/block`, 'POST')).status).toBe(204);
    for (const { tokens } of [one, two]) {
      expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(401);
      expect((await refresh({ client: one.client, gate: at }, tokens.refresh_token)).status).not.toBe(200);
    }
    expect((await callMcp(other.tokens.access_token, { gate: at })).status).toBe(200);
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: id,
      redirect_uri: one.client.redirect_uri,
    });
    expect((await new Browser(at).visit(`/authorize?${query}`)).status).toBe(400);
    expect(await listed()).toMatchObject({ blocked: true });
    expect(await entriesOf({ event: 'client_blocked', client: id })).toMatchObject([
      { user: { name: 'Root' } },
    ]);
    expect((await callApi(admin, `/api/admin/clients/${id}/unblock`, 'POST')).status).toBe(204);
    expect((await callApi(admin, `/api/admin/clients/${id}/unblock`, 'POST')).status).toBe(404);
    const again = await connect({ gate: at, client: one.client, user: { name: 'App Ann' } });
    expect((await callMcp(again.tokens.access_token, { gate: at })).status).toBe(200);
  });

  it('that is known by its document is blocked by its address', async () => {
    const admin = await asAdmin(at);
    const id = 'https://app.example/client.json';
    const path = `/api/admin/clients/${encodeURIComponent(id)}`;
    expect((await callApi(admin, `${path}/block`, 'POST')).status).toBe(204);
    const { body } = await callApi(admin, '/api/admin/clients');
    expect(body.items).toContainEqual(
      expect.objectContaining({ id, kind: 'document', name: 'app.example', blocked: true }),
    );
    expect((await callApi(admin, `${path}/unblock`, 'POST')).status).toBe(204);
  });
});

describe('a grant', () => {
  it('is listed, of one person too, and ended at once', async () => {
    const { tokens, user, client } = await app('Grant Gus');
    const admin = await asAdmin(at);
    const id = `${user}:${grantIdOf(tokens.access_token)}`;
    await vi.waitFor(async () => {
      const { body } = await callApi(admin, `/api/admin/grants?user=${user}`);
      expect(body.items).toMatchObject([
        { id, client_id: client.client_id, scope: 'mcp:read mcp:write', servers: [] },
      ]);
    });
    expect((await callApi(admin, `/api/admin/grants/${id}`, 'DELETE')).status).toBe(204);
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(401);
    expect((await callApi(admin, `/api/admin/grants/${id}`, 'DELETE')).status).toBe(404);
  });
});

describe('servers and settings', () => {
  it('are shown with what decides, and no secret', async () => {
    const admin = await asAdmin(at);
    const servers = (await callApi(admin, '/api/admin/servers')).body.items as object[];
    expect(servers).toHaveLength(3);
    expect(servers[0]).toMatchObject({
      name: 'notes',
      title: 'Notes',
      auth: 'none',
      binding: 'MUTE',
      status: expect.any(String),
    });
    const { body } = await callApi(admin, '/api/admin/settings');
    expect(body).toMatchObject({ DEFAULT_ROLE: 'member', AUDIT: { mode: 'strict', retention: 90 } });
    expect(JSON.stringify(body)).not.toContain('GATEHOUSE_KEYS');
  });
});

import { runDurableObjectAlarm } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { adminGate, asAdmin, asAuditor } from '../fixtures/admins';
import { accountOfUser, browserAs, callApi, callWith, makeKey, signInBy } from '../fixtures/keys';
import { entriesOf } from '../fixtures/trail';
import { type Browser, callMcp, connect, refresh } from '../fixtures/worker';

const at = adminGate();
const USERS = '/api/admin/users';

/** Somebody who has an app, a key and a browser. */
async function person(name: string, groups = '') {
  const app = await connect({
    gate: at,
    user: { name, email: `${name.replaceAll(' ', '.')}@people.example`, groups },
  });
  const key = await makeKey(app.browser);
  const id = app.tokens.access_token.split(':')[0] ?? '';
  return { ...app, key, id, statuses: () => statusesOf(app.browser, app.tokens.access_token, key.key) };
}

/** How their browser, their app and their key fare. */
async function statusesOf(browser: Browser, token: string, key: string): Promise<number[]> {
  return [
    (await callApi(browser, '/api/grants')).status,
    (await callMcp(token, { gate: at })).status,
    (await callWith({ authorization: `Bearer ${key}` }, at)).status,
  ];
}

describe('people', () => {
  it('are found by name, address and group, once they have signed in', async () => {
    const { id } = await person('Findable Fay', 'gardeners');
    await runDurableObjectAlarm(accountOfUser(id));
    const admin = await asAdmin(at);
    for (const q of ['findable', 'Findable.Fay@people', 'GARDENERS', id]) {
      const found = await vi.waitFor(async () => {
        const { body } = await callApi(admin, `${USERS}?q=${encodeURIComponent(q)}`);
        const items = body.items as { id: string }[];
        expect(items.map((item) => item.id)).toEqual([id]);
        return items;
      });
      expect(found).toMatchObject([{ name: 'Findable Fay', groups: ['gardeners'], provider: 'local' }]);
    }
    expect((await callApi(admin, `${USERS}?q=nobody-of-that-name`)).body).toMatchObject({ items: [] });
    expect((await callApi(admin, `${USERS}?limit=1`)).body.items).toHaveLength(1);
  });

  it('are shown with all that they have, and no secret', async () => {
    const { id, key, tokens } = await person('Shown Sue');
    const auditor = await asAuditor(at);
    const { status, body } = await callApi(auditor, `${USERS}/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      name: 'Shown Sue',
      grants: [{ client_name: 'Test client', scope: 'mcp:read mcp:write' }],
      keys: [{ id: key.id, name: 'Nightly' }],
      sign_ins: [{ user_agent: expect.any(String) }],
    });
    expect(JSON.stringify(body)).not.toMatch(/hash|secret|gth_/);
    expect(JSON.stringify(body)).not.toContain(tokens.access_token);
  });

  it('are signed out everywhere at once: browsers and apps end, keys stay', async () => {
    const them = await person('Outed Otto');
    expect(await them.statuses()).toEqual([200, 200, 200]);
    const admin = await asAdmin(at);
    expect((await callApi(admin, `${USERS}/${them.id}/sign-out`, 'POST')).status).toBe(204);
    expect(await them.statuses()).toEqual([401, 401, 200]);
    expect((await refresh(them, them.tokens.refresh_token)).status).toBe(400);
    const [entry] = await entriesOf({ event: 'user_signed_out' });
    expect(entry).toMatchObject({ user: { name: 'Root' }, detail: them.id });
  });

  it('are disabled at once, with their keys, can’t sign in, and come back when enabled', async () => {
    const them = await person('Disabled Dan');
    const admin = await asAdmin(at);
    expect((await callApi(admin, `${USERS}/${them.id}/disable`, 'POST')).status).toBe(204);
    expect(await them.statuses()).toEqual([401, 401, 401]);
    const again = { name: 'Disabled Dan', email: 'Disabled.Dan@people.example' };
    const refused = await signInBy(them.browser, { method: 'local', ...again });
    expect(refused.status).toBe(403);
    expect(refused.html).toContain('This account is disabled');
    const byKey = await signInBy(them.browser, { method: 'key', access_key: them.key.key });
    expect(byKey.status).not.toBe(303);
    expect((await callApi(admin, `${USERS}/${them.id}`)).body).toMatchObject({
      disabled_at: expect.any(String),
    });
    expect((await callApi(admin, `${USERS}/${them.id}/enable`, 'POST')).status).toBe(204);
    expect(await them.statuses()).toEqual([401, 401, 200]);
    expect((await signInBy(them.browser, { method: 'local', ...again })).status).toBe(303);
    expect((await them.statuses())[0]).toBe(200);
  });

  it('are erased with all that they had, and their name in the trail', async () => {
    const them = await person('Erased Eve');
    await entriesOf({ user: them.id, event: 'key_created' });
    const admin = await asAdmin(at);
    expect((await callApi(admin, `${USERS}/${them.id}`, 'DELETE')).status).toBe(204);
    expect(await them.statuses()).toEqual([401, 401, 401]);
    expect((await callApi(admin, `${USERS}/${them.id}`)).status).toBe(404);
    const entries = await entriesOf({ user: them.id });
    expect(entries.length).toBeGreaterThan(0);
    expect(JSON.stringify(entries)).not.toMatch(/Erased|erased\.eve/i);
    await runDurableObjectAlarm(accountOfUser(them.id));
    const keys = JSON.stringify((await callApi(admin, '/api/admin/keys?limit=100')).body);
    expect(keys).not.toContain(them.key.id);
  });

  it('are not changed by others, by auditors, from pages of another site, or under made-up ids', async () => {
    const them = await person('Untouched Uma');
    const changes = [
      [`${USERS}/${them.id}/disable`, 'POST'],
      [`${USERS}/${them.id}/enable`, 'POST'],
      [`${USERS}/${them.id}/sign-out`, 'POST'],
      [`${USERS}/${them.id}`, 'DELETE'],
      [`/api/admin/grants/${them.id}:x`, 'DELETE'],
      ['/api/admin/clients/x/block', 'POST'],
      ['/api/admin/clients/x/unblock', 'POST'],
    ] as const;
    const [admin, auditor] = [await asAdmin(at), await asAuditor(at)];
    const owner = await browserAs('Owner', at);
    const origin = 'https://evil.example';
    for (const [path, method] of changes) {
      for (const browser of [owner, auditor]) expect((await callApi(browser, path, method)).status).toBe(403);
      expect((await callApi(admin, path, method, undefined, { origin })).status).toBe(403);
    }
    for (const path of ['users', 'clients', 'grants', 'servers', 'settings', 'keys', `users/${them.id}`]) {
      expect((await callApi(owner, `/api/admin/${path}`)).status).toBe(403);
      expect((await callApi(auditor, `/api/admin/${path}`)).status).toBe(200);
    }
    expect(await them.statuses()).toEqual([200, 200, 200]);
    for (const id of ['nobody', 'A'.repeat(32), '%2e%2e']) {
      expect((await callApi(admin, `${USERS}/${id}/disable`, 'POST')).status).toBe(404);
    }
  });
});

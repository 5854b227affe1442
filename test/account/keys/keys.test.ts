import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeKey as makeKeyText } from '../../../src/account/keys/text';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { accountOfUser, browserAs, callApi, callWith, keyGate, makeKey, whoIn } from '../../fixtures/keys';
import { callMcp, connect } from '../../fixtures/worker';
import { ACME, acmePerson, browserOf } from '../../oauth/people';

let people = 0;
/** Somebody new: each may make five keys in half a minute. */
const somebody = (fields?: Record<string, string>) => browserAs(`Person ${people++}`, at, fields);

beforeEach(stopClock);
afterEach(startClock);

const at = keyGate();
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('a key', () => {
  it('is its owner, with its own name as client, its scopes, its servers and its end', async () => {
    const browser = await browserAs('Ada', at, { email: 'ada@acme.com' });
    const made = await makeKey(browser, {
      name: 'CI',
      scope: 'mcp:read',
      servers: ['notes'],
      expires_in: 600,
    });
    const who = whoIn(await callWith(bearer(made.key), at));
    expect(who).toMatchObject({
      user: { name: 'Ada', email: 'ada@acme.com', email_verified: true },
      client: 'CI',
      scope: 'mcp:read',
      servers: ['notes'],
      role: 'owner',
      expires_at: made.expires_at,
    });
    const { tokens } = await connect({ browser });
    expect(whoIn(await callMcp(tokens.access_token, { gate: at })).user.id).toBe(who.user.id);
  });

  it('works as x-api-key too, at every path that its owner may call', async () => {
    const { key } = await makeKey(await somebody());
    for (const headers of [bearer(key), { 'x-api-key': key }, { authorization: `bearer   ${key}` }]) {
      for (const path of ['/', '/mcp']) expect((await callWith(headers, at, path)).status).toBe(200);
    }
  });

  it('may do what nobody said otherwise: read and change, at all servers of today, for 90 days', async () => {
    const made = await makeKey(await somebody());
    expect(made).toMatchObject({ scope: 'mcp:read mcp:write', servers: ['notes', 'wiki'] });
    expect(Date.parse(made.expires_at) - Date.now()).toBe(90 * 86_400_000);
    const more = keyGate({ SERVERS: [{ name: 'new', binding: 'MUTE', auth: 'none' }] });
    expect(whoIn(await callWith(bearer(made.key), more)).servers).toEqual([]);
  });

  it('is shown once, and stored as a hash', async () => {
    const browser = await browserAs('Secretive', at);
    const { key, id } = await makeKey(browser);
    const { body } = await callApi(browser, '/api/keys');
    expect(JSON.stringify(body)).toContain(id);
    const account = accountOfUser(whoIn(await callWith(bearer(key), at)).user.id);
    await runDurableObjectAlarm(account);
    const stored = await runInDurableObject(account, (_, { storage }) =>
      JSON.stringify(
        ['access_keys', 'outbox'].map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
      ),
    );
    const { keys } = await env.OAUTH_KV.list();
    const copies = await Promise.all(keys.map(({ name }) => env.OAUTH_KV.get(name)));
    expect(stored).toContain(id);
    expect(JSON.stringify(keys)).toContain(`access-key:`);
    for (const text of [stored, JSON.stringify(keys), ...copies, JSON.stringify(body)]) {
      expect(text).not.toContain(key);
      // The secret's own digits, behind user id and key id.
      expect(text).not.toContain(key.slice(50, 80));
    }
  });

  it('is listed with its limits and its last use, the newest first', async () => {
    const browser = await browserAs('Lister', at);
    const first = await makeKey(browser, { name: 'First', scope: 'mcp:destructive', expires_in: 3600 });
    pass(1);
    await makeKey(browser, { name: 'Second' });
    await callWith(bearer(first.key), at);
    const { body } = await callApi(browser, '/api/keys');
    const items = body.items as Record<string, unknown>[];
    expect(items.map(({ name }) => name)).toEqual(['Second', 'First']);
    expect(items[1]).toEqual({
      id: first.id,
      name: 'First',
      scope: 'mcp:read mcp:write mcp:destructive',
      servers: ['notes', 'wiki'],
      created_at: expect.stringMatching(/Z$/),
      last_used_at: new Date(Date.now()).toISOString(),
      expires_at: first.expires_at,
    });
    expect(items[0]).not.toHaveProperty('last_used_at');
  });
});

describe('a key that is no longer good', () => {
  it('is refused with the next request after it was revoked, and its neighbours go on', async () => {
    const browser = await somebody();
    const [one, other] = [await makeKey(browser), await makeKey(browser)];
    expect((await callWith(bearer(one.key), at)).status).toBe(200);
    expect((await callApi(browser, `/api/keys/${one.id}`, 'DELETE')).status).toBe(204);
    expect((await callWith(bearer(one.key), at)).status).toBe(401);
    expect((await callWith({ 'x-api-key': one.key }, at)).status).toBe(401);
    expect((await callWith(bearer(other.key), at)).status).toBe(200);
    expect((await callApi(browser, `/api/keys/${one.id}`, 'DELETE')).status).toBe(404);
  });

  it('is refused the second that it ends, and not before', async () => {
    const { key } = await makeKey(await somebody(), { expires_in: 60 });
    pass(59);
    expect((await callWith(bearer(key), at)).status).toBe(200);
    pass(1);
    expect((await callWith(bearer(key), at)).status).toBe(401);
  });

  it('is refused when its user is gone', async () => {
    const { key } = await makeKey(await browserAs('Leaver', at));
    const { user } = whoIn(await callWith(bearer(key), at));
    await runInDurableObject(accountOfUser(user.id), (_, { storage }) => {
      for (const table of ['access_keys', 'profile']) storage.sql.exec(`DELETE FROM ${table}`);
    });
    expect((await callWith(bearer(key), at)).status).toBe(401);
  });

  it.each([
    ['a lower role', { DEFAULT_ROLE: 'viewer' }, 'mcp:read', ['notes', 'wiki']],
    ['a server taken away', { SERVERS: [] }, 'mcp:read mcp:write', []],
  ])('is held to what its owner may do now: %s', async (_what, changes, scope, servers) => {
    const { key } = await makeKey(await somebody(), { scope: 'mcp:write' });
    expect(whoIn(await callWith(bearer(key), keyGate(changes)))).toMatchObject({ scope, servers });
  });

  it('is refused where its owner has no role any more', async () => {
    const member = keyGate({ ...ACME, DEFAULT_ROLE: 'member' });
    const { key } = await makeKey(await browserOf(acmePerson({ subject: 'roleless' }), member));
    expect((await callWith(bearer(key), member)).status).toBe(200);
    expect((await callWith(bearer(key), keyGate(ACME))).status).toBe(401);
  });

  it('is refused to those whose address meanwhile comes in by one provider only', async () => {
    const { key } = await makeKey(await somebody({ email: 'bound@acme.com' }));
    const oidc = [
      { name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate', domains: ['acme.com'] },
    ];
    const bound = keyGate({ SIGN_IN: { methods: ['oidc', 'key'], oidc } });
    expect((await callWith(bearer(key), at)).status).toBe(200);
    expect((await callWith(bearer(key), bound)).status).toBe(401);
  });

  it('is refused with another secret, though user, id and checksum are right', async () => {
    const { key, id } = await makeKey(await somebody());
    const { user } = whoIn(await callWith(bearer(key), at));
    const forged = await makeKeyText(String(user.id));
    await runInDurableObject(accountOfUser(user.id), (_, { storage }) => {
      storage.sql.exec('UPDATE access_keys SET id = ? WHERE id = ?', forged.keyId, id);
    });
    expect((await callWith(bearer(forged.text), at)).status).toBe(401);
  });

  it('is forgotten by the alarm a while after it ended', async () => {
    const browser = await browserAs('Forgetful', at);
    const { key } = await makeKey(browser, { expires_in: 60 });
    const { user } = whoIn(await callWith(bearer(key), at));
    const rows = () =>
      runInDurableObject(accountOfUser(user.id), (_, { storage }) =>
        storage.sql.exec('SELECT id FROM access_keys').toArray(),
      );
    pass(31 * 86_400);
    await runDurableObjectAlarm(accountOfUser(user.id));
    await runDurableObjectAlarm(accountOfUser(user.id));
    expect(await rows()).toEqual([]);
  });
});

describe('a server that a key does not name', () => {
  it('is not there for it', async () => {
    const { key } = await makeKey(await somebody(), { servers: ['notes'] });
    expect((await callWith(bearer(key), at, '/mcp/wiki')).status).toBe(404);
    expect((await callWith(bearer(key), at, '/mcp/nonsense')).status).toBe(404);
  });
});

it("never shows or ends another user's key", async () => {
  const victim = await browserAs('Fay', at);
  const { id, key } = await makeKey(victim);
  const other = await browserAs('Gil', at);
  expect(JSON.stringify((await callApi(other, '/api/keys')).body)).not.toContain(id);
  expect((await callApi(other, `/api/keys/${id}`, 'DELETE')).status).toBe(404);
  expect((await callWith(bearer(key), at)).status).toBe(200);
});

it('a made-up key wakes no object', async () => {
  const { key } = await makeKey(await somebody());
  const before = (await listDurableObjectIds(env.ACCOUNT)).length;
  const foreign = keyGate({
    GATEHOUSE_KEYS: JSON.stringify({ a: btoa('x'.repeat(32)), ids: btoa('y'.repeat(32)) }),
  });
  const { key: theirs } = await makeKey(await browserAs('Ada', foreign), {});
  const made = (await listDurableObjectIds(env.ACCOUNT)).length;
  expect(made).toBe(before + 1);
  for (const text of [theirs, `${key.slice(0, -1)}x`, `gth_${'0'.repeat(92)}`, 'gth_', `${key}${key}`]) {
    expect((await callWith(bearer(text), at)).status).toBe(401);
    expect((await callWith({ 'x-api-key': text }, at)).status).toBe(401);
  }
  expect((await listDurableObjectIds(env.ACCOUNT)).length).toBe(made);
});

import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { jwtVerify, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signOperatorRequest } from '../../../scripts/lib/operator';
import { deriveSeed, makeKeyringText, parseKeyring } from '../../../src/crypto';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import {
  accountOfUser,
  browserAs,
  callApi,
  callWith,
  keyGate,
  type Made,
  makeKey,
  signInBy,
  whoIn,
} from '../../fixtures/keys';
import { watchReasons } from '../../fixtures/refusals';
import { Browser, callMcp, connect, type Gate } from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  startClock();
});

const at = keyGate({ ROLES: [{ role: 'admin', provider: 'local', groups: ['admins'] }] });
const PATH = '/api/admin/keys';
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const keys = env.GATEHOUSE_KEYS ?? '';

/** A request as the operator's command sends it; `signed` over what is signed, to make it lie. */
async function operate(
  method: string,
  path: string,
  body?: unknown,
  options: {
    keys?: string;
    signed?: Partial<{ method: string; path: string; body: string }>;
    at?: Gate;
  } = {},
) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const signed = { method, path, body: text, ...options.signed };
  const authorization = await signOperatorRequest(options.keys ?? keys, signed);
  return send(method, path, text, authorization, options.at);
}

async function send(method: string, path: string, body: string, authorization: string, gate: Gate = at) {
  const init = { method, headers: { authorization }, ...(body === '' ? {} : { body }) };
  const response = await gate.fetch(path, init);
  const answer = await response.text();
  return { status: response.status, body: answer ? JSON.parse(answer) : {} };
}

async function makeService(spec: Record<string, unknown> = {}): Promise<Made & { user_id: string }> {
  const { status, body } = await operate('POST', PATH, { name: 'Robot', ...spec });
  if (status !== 201) throw new Error(`no key: ${status} ${JSON.stringify(body)}`);
  return body;
}

describe('a service key', () => {
  it('is a principal of its own, with the role, scopes, servers and end that it was given', async () => {
    const made = await makeService({
      role: 'owner',
      scope: 'mcp:destructive',
      servers: ['wiki'],
      expires_in: 60,
    });
    expect(made).toMatchObject({ id: expect.stringMatching(/^[\w-]{32}:[\w-]{11}$/), role: 'owner' });
    expect(whoIn(await callWith(bearer(made.key), at))).toMatchObject({
      user: { id: made.user_id, name: 'Robot', email_verified: false },
      client: 'Robot',
      scope: 'mcp:read mcp:write mcp:destructive',
      servers: ['wiki'],
      role: 'owner',
      expires_at: made.expires_at,
    });
    pass(60);
    expect((await callWith(bearer(made.key), at)).status).toBe(401);
  });

  it('is held to the tools that it was made for', async () => {
    const made = await makeService({ servers: ['notes'], tools: ['notes_read_*'] });
    expect(made).toMatchObject({ tools: ['notes_read_*'] });
    const found = await accountOfUser(made.user_id).listKeys();
    expect(found).toMatchObject([{ tools: ['notes_read_*'] }]);
  });

  it('has its role whatever the settings give people, and a rule that names key lowers it', async () => {
    const { key } = await makeService({ role: 'member', servers: ['notes'] });
    const roles = async (settings: object) =>
      whoIn(await callWith(bearer(key), keyGate({ ...settings }))).role;
    expect(await roles({ DEFAULT_ROLE: 'admin' })).toBe('member');
    expect(await roles({ ROLES: [{ role: 'admin', methods: ['key'] }] })).toBe('member');
    expect(await roles({ ROLES: [{ role: 'viewer', methods: ['key'] }] })).toBe('viewer');
  });

  it('reaches a server that is for some groups only when it was put into one', async () => {
    expect((await operate('POST', PATH, { name: 'x', servers: ['vault'] })).status).toBe(400);
    const made = await makeService({ servers: ['vault'], groups: ['staff'] });
    expect(whoIn(await callWith(bearer(made.key), at)).servers).toEqual(['vault']);
  });

  it('signs a browser in as the service, capped, which makes no keys and sees no admin', async () => {
    const made = await makeService({ role: 'admin', scope: 'mcp:read', servers: ['notes'] });
    const browser = new Browser(at);
    expect((await signInBy(browser, { method: 'key', access_key: made.key })).status).toBe(303);
    const { tokens } = await connect({ browser, scope: ['mcp:destructive', 'mcp:read'] });
    const who = whoIn(await callMcp(tokens.access_token, { gate: at }));
    expect(who).toMatchObject({ user: { id: made.user_id }, scope: 'mcp:read', role: 'admin' });
    expect((await callApi(browser, '/api/keys', 'POST', { name: 'x' })).status).toBe(403);
    expect((await callApi(browser, PATH)).status).toBe(403);
    await operate('DELETE', `${PATH}/${made.id}`);
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(401);
  });

  it.each([
    ['an unknown role', { role: 'king' }, /role/],
    ['a scope beyond its role', { role: 'viewer', scope: 'mcp:write' }, /viewer/],
    ['a server that is not there', { servers: ['nonsense'] }, /nonsense/],
    ['more than TOKENS.grant', { expires_in: 31_536_001 }, /expires_in/],
  ])('is refused with %s', async (_what, spec, why) => {
    const { status, body } = await operate('POST', PATH, { name: 'x', ...spec });
    expect(status).toBe(400);
    expect(body.error_description).toMatch(why);
  });
});

describe('an admin', () => {
  it('makes, lists and revokes them, and personal ones, at once', async () => {
    const admin = await browserAs('Root', at, { groups: 'admins' });
    const made = await callApi(admin, PATH, 'POST', { name: 'Nightly', role: 'viewer' });
    expect(made.status).toBe(201);
    const { id, key, user_id } = made.body as unknown as Made & { user_id: string };
    const person = await browserAs('Person', at);
    const personal = await makeKey(person, { name: 'Mine' });
    const owner = whoIn(await callWith(bearer(personal.key), at)).user.id;
    for (const user of [user_id, owner]) await runDurableObjectAlarm(accountOfUser(user));
    const { items } = (await callApi(admin, `${PATH}?limit=100`)).body as {
      items: Record<string, unknown>[];
    };
    const found = Object.fromEntries(items.map((item) => [item.id, item]));
    expect(found[id]).toMatchObject({ kind: 'service', name: 'Nightly', user_id, scope: 'mcp:read' });
    expect(found[`${owner}:${personal.id}`]).toMatchObject({ kind: 'personal', user_name: 'Person' });
    expect(JSON.stringify(items)).not.toMatch(/gth_|hash/);
    expect((await callApi(admin, `${PATH}/${owner}:${personal.id}`, 'DELETE')).status).toBe(204);
    expect((await callApi(admin, `${PATH}/${id}`, 'DELETE')).status).toBe(204);
    for (const text of [key, personal.key]) expect((await callWith(bearer(text), at)).status).toBe(401);
    expect((await callApi(admin, `${PATH}/${id}`, 'DELETE')).status).toBe(404);
    await runDurableObjectAlarm(accountOfUser(user_id));
    const after = JSON.stringify((await callApi(admin, `${PATH}?limit=100`)).body);
    expect(after).not.toContain(id);
  });

  it('is nobody else: not an owner, nor a key of an admin, nor a page of another site', async () => {
    const admin = await browserAs('Root', at, { groups: 'admins' });
    const { key } = await makeKey(admin);
    const byKey = new Browser(at);
    await signInBy(byKey, { method: 'key', access_key: key });
    for (const browser of [await browserAs('Owner', at), byKey]) {
      for (const method of ['GET', 'POST'])
        expect(
          (await callApi(browser, PATH, method, method === 'POST' ? { name: 'x' } : undefined)).status,
        ).toBe(403);
    }
    expect((await callApi(new Browser(at), PATH)).status).toBe(401);
    const origin = 'https://evil.example';
    expect((await callApi(admin, PATH, 'POST', { name: 'x' }, { origin })).status).toBe(403);
    expect((await callApi(admin, PATH, 'POST', { name: 'x' }, bearer(key))).status).toBe(401);
    for (const id of ['nonsense', `${'A'.repeat(32)}:x`, ':'])
      expect((await callApi(admin, `${PATH}/${id}`, 'DELETE')).status).toBe(404);
  });
});

describe("the operator's request", () => {
  const claims = { method: 'GET', path: PATH, body: '' };

  it('lists too, and is good once, however many send it at the same moment', async () => {
    const authorization = await signOperatorRequest(keys, claims);
    const reasons = watchReasons();
    const answers = await Promise.all(Array.from({ length: 6 }, () => send('GET', PATH, '', authorization)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401]);
    expect(reasons()).toEqual(Array(5).fill('operator_replayed'));
  });

  it.each([
    ['another method', { method: 'DELETE' }, 'operator_other_request'],
    ['another path', { path: `${PATH}?limit=100` }, 'operator_other_request'],
    ['another body', { body: 'x' }, 'operator_other_request'],
  ])('is for one request: signed for %s it is refused', async (_what, signed, reason) => {
    const reasons = watchReasons();
    expect((await operate('POST', PATH, { name: 'x' }, { signed })).status).toBe(401);
    expect(reasons()).toEqual([reason]);
  });

  it('is refused when it is late, or would be good for longer than a minute', async () => {
    const authorization = await signOperatorRequest(keys, claims);
    pass(91);
    const reasons = watchReasons();
    expect((await send('GET', PATH, '', authorization)).status).toBe(401);
    const { payload } = await jwtVerify(
      (await signOperatorRequest(keys, claims)).replace('Operator ', ''),
      await operatorKey(),
    );
    const long = { ...payload, exp: Math.floor(Date.now() / 1000) + 3600 };
    expect((await send('GET', PATH, '', await signed(long))).status).toBe(401);
    expect(reasons()).toEqual(['operator_expired', 'operator_expired']);
  });

  it('is refused with other keys, a changed letter, no signature, another purpose', async () => {
    const reasons = watchReasons();
    const other = JSON.stringify({ ...JSON.parse(makeKeyringText('2026-11')) });
    expect((await operate('GET', PATH, undefined, { keys: other })).status).toBe(401);
    expect((await operate('GET', PATH, undefined, { keys: makeKeyringText('other') })).status).toBe(401);
    const good = await signOperatorRequest(keys, claims);
    const [head = '', body = ''] = good.split('.');
    const none = btoa(JSON.stringify({ alg: 'none', typ: 'operator+jwt', kid: '2026-11' })).replace(/=/g, '');
    for (const text of [
      `Operator ${none}.${body}.`,
      `${head}.${body}.`,
      good.replace('Operator', 'Bearer'),
      '',
    ]) {
      expect((await send('GET', PATH, '', text)).status).toBe(401);
    }
    const now = Math.floor(Date.now() / 1000);
    const untyped = await signed({ ...claims, jti: crypto.randomUUID(), exp: now + 60 }, 'JWT');
    expect((await send('GET', PATH, '', untyped)).status).toBe(401);
    expect(reasons().slice(0, 2)).toEqual(['operator_signature', 'operator_key_unknown']);
    expect(reasons()).toHaveLength(7);
  });

  it('is good under an old master key that is still named', async () => {
    const [fresh] = Object.values(JSON.parse(makeKeyringText('x')) as Record<string, string>);
    const rotated = keyGate({ GATEHOUSE_KEYS: JSON.stringify({ '2027-01': fresh, ...JSON.parse(keys) }) });
    expect((await operate('GET', PATH, undefined, { at: rotated })).status).toBe(200);
  });

  async function operatorKey(): Promise<Uint8Array> {
    const ring = parseKeyring(keys);
    const key = ring.ok ? await deriveSeed(ring.value, ring.value.current, 'operator-request') : undefined;
    return key ?? new Uint8Array();
  }

  async function signed(payload: object, typ = 'operator+jwt'): Promise<string> {
    const jwt = new SignJWT({ body: await bodyHash(), ...payload });
    const header = { alg: 'HS256', typ, kid: '2026-11' };
    return `Operator ${await jwt.setProtectedHeader(header).sign(await operatorKey())}`;
  }

  async function bodyHash(): Promise<string> {
    const { sha256Hex } = await import('../../../src/crypto');
    return sha256Hex('');
  }
});

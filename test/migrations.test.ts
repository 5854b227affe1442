import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ACCOUNT_SCHEMA } from '../src/account/storage/schema';
import { FLOW_SCHEMA } from '../src/flow/object';
import { POOL_SCHEMA } from '../src/flow/pool';
import { SESSION_SCHEMA } from '../src/gateway/session/schema';
import { migrate } from '../src/migrations';
import { pass, startClock } from './fixtures/clock';
import { expectInvalidGrant } from './fixtures/refusals';
import account from './fixtures/schemas/account-v1.json';
import accountSql from './fixtures/schemas/account-v1.sql?raw';
import connectedSql from './fixtures/schemas/account-v2.sql?raw';
import withKeys from './fixtures/schemas/account-v3.json';
import withKeysSql from './fixtures/schemas/account-v3.sql?raw';
import exchanged from './fixtures/schemas/account-v4.json';
import exchangedSql from './fixtures/schemas/account-v4.sql?raw';
import askable from './fixtures/schemas/account-v5.json';
import askableSql from './fixtures/schemas/account-v5.sql?raw';
import silentSql from './fixtures/schemas/account-v6.sql?raw';
import directorySql from './fixtures/schemas/directory-v1.sql?raw';
import { DUMPED_AT, loadSql, schemaOf } from './fixtures/schemas/dump';
import sessionSql from './fixtures/schemas/mcp-session-v1.sql?raw';
import watchingSql from './fixtures/schemas/mcp-session-v2.sql?raw';
import sharedSql from './fixtures/schemas/mcp-session-v3.sql?raw';
import flow from './fixtures/schemas/pending-flow-v1.json';
import flowSql from './fixtures/schemas/pending-flow-v1.sql?raw';
import device from './fixtures/schemas/pending-flow-v2.json';
import deviceSql from './fixtures/schemas/pending-flow-v2.sql?raw';
import withoutCodesSql from './fixtures/schemas/pending-flow-v3.sql?raw';
import { gateAt, onNetwork, SignInProvider } from './fixtures/sign-in-provider';
import {
  accountOf,
  Browser,
  callMcp,
  formWith,
  gate,
  locationOf,
  redeem,
  refresh,
  registerClient,
  revoke,
  tokensOf,
} from './fixtures/worker';
import { answer, openSignedIn, poll, registerDevice, typeCode } from './oauth/device/devices';

/** A dump of each version that was ever released, the newest last. */
const ACCOUNTS = [accountSql, connectedSql, withKeysSql, exchangedSql, askableSql, silentSql];
const FLOWS = [flowSql, deviceSql, withoutCodesSql];
const DIRECTORIES = [directorySql];
const SESSIONS = [sessionSql, watchingSql, sharedSql];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: DUMPED_AT + 60_000 });
  await loadSql(accountOf(account.code), accountSql);
  await registerClient();
});
afterEach(startClock);

describe('an account of schema version 1', () => {
  const client = { gate, client: account.client };

  it('keeps its tokens: those at hand work, and are refreshed, repeated and revoked', async () => {
    const { body, status } = await callMcp(account.access);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      result: { structuredContent: { user: { name: "Ada O'Neill", email: 'ada@acme.com' } } },
    });
    expect(tokensOf(await refresh(client, account.rotated)).refresh_token).toBe(account.current);
    const next = tokensOf(await refresh(client, account.current));
    expect((await callMcp(next.access_token)).status).toBe(200);
    await revoke(client, next.refresh_token);
    expect((await callMcp(next.access_token)).status).toBe(401);
  });

  it('keeps its codes: one that waits is redeemed, one that was used is a replay', async () => {
    const { code, code_verifier, redeemed } = account;
    const waiting = {
      ...client,
      code,
      code_verifier,
      browser: new Browser(),
      callback: new URL(gate.origin),
    };
    expect((await callMcp(tokensOf(await redeem(waiting)).access_token)).status).toBe(200);
    expectInvalidGrant(await redeem({ ...waiting, code: redeemed }));
  });

  it('keeps its sign-ins and what it lists', async () => {
    const browser = new Browser();
    browser.cookies.set('gatehouse-sign-in', account.cookie);
    expect((await browser.visit('/sign-in')).html).toContain('ada@acme.com');
    const grants = await accountOf(account.code).listGrants();
    expect(grants).toHaveLength(2);
    expect(grants[0]).toMatchObject({ client_name: 'Test client', scope: 'mcp:read mcp:write', servers: [] });
  });

  it('copies what waited in its outbox', async () => {
    await refresh(client, account.current);
    expect(await runDurableObjectAlarm(accountOf(account.code))).toBe(true);
    const { keys } = await env.OAUTH_KV.list({ prefix: `grant:${account.code.split(':')[0]}:` });
    expect(keys).toHaveLength(2);
  });
});

describe('an account of schema version 2', () => {
  it('keeps its connections: they open, and are listed', async () => {
    await loadSql(accountOf(account.code), connectedSql);
    const stub = accountOf(account.code);
    const at = { header: 'Authorization', loopback: [] };
    const tools = { ...at, server: 'tools', auth: 'oauth', place: 'https://tools.example/mcp' } as const;
    const keyed = { ...at, server: 'keyed', auth: 'api_key', place: 'https://keyed.example/mcp' } as const;
    expect(await stub.credential(tools)).toMatchObject({ value: { value: 'Bearer access of 2040' } });
    expect(await stub.credential(keyed)).toMatchObject({ value: { value: 'a key of 2040' } });
    const { connections, pending } = await stub.listConnections();
    expect(connections.map(({ status }) => status)).toEqual(['connected', 'connected']);
    expect(pending).toEqual(['third']);
  });
});

describe('an account of schema version 3', () => {
  beforeEach(() => loadSql(accountOf(withKeys.access), withKeysSql));

  it('keeps its access keys, and what was made with one until that is revoked', async () => {
    const byKey = new Browser();
    byKey.cookies.set('gatehouse-sign-in', withKeys.cookie_by_key);
    for (const token of [withKeys.key, withKeys.by_key, withKeys.access]) {
      expect((await callMcp(token)).status).toBe(200);
    }
    expect((await callMcp(withKeys.revoked)).status).toBe(401);
    expect((await byKey.visit('/sign-in')).html).toContain('ada@acme.com');
    expect(await accountOf(withKeys.access).revokeKey(withKeys.key_id)).toBe(true);
    for (const token of [withKeys.key, withKeys.by_key]) expect((await callMcp(token)).status).toBe(401);
    expect((await byKey.visit('/sign-in')).status).toBe(303);
    expect((await callMcp(withKeys.access)).status).toBe(200);
  });
});

describe('an account of schema version 5', () => {
  it('keeps what its sign-in provider is asked again by, and what that says is obeyed', async () => {
    const account = accountOf(askable.access);
    await loadSql(account, askableSql);
    const provider = new SignInProvider(askable.provider.issuer);
    provider.given.push(askable.provider.refresh_token);
    onNetwork(provider);
    const client = { gate: gateAt(provider), client: askable.client };
    expect((await callMcp(askable.access, client)).status).toBe(200);
    pass(43_200);
    const next = tokensOf(await refresh(client, askable.refresh));
    expect(provider.presented).toEqual([askable.provider.refresh_token]);
    provider.knows = false;
    pass(43_200);
    expectInvalidGrant(await refresh(client, next.refresh_token));
    expect((await callMcp(askable.key, client)).status).toBe(401);
    vi.restoreAllMocks();
  });
});

describe('a pending flow of schema version 1', () => {
  it('goes on: its browser opens it, and it ends with a code', async () => {
    await loadSql(env.PENDING_FLOW.getByName(flow.flow), flowSql);
    const browser = new Browser();
    browser.cookies.set(flow.cookie.name, flow.cookie.value);
    const signIn = formWith(await browser.visit(`/authorize?flow=${flow.flow}`), 'method');
    const signedIn = await browser.submit(signIn, { method: 'local', name: 'Ada' });
    const consent = formWith(await browser.visit(locationOf(signedIn)), 'decision');
    const decided = await browser.submit(consent, { scope: 'mcp:read', decision: 'allow' });
    expect(locationOf(decided)).toContain('code=');
  });

  it('keeps what was staged in it, and its time', async () => {
    const stub = env.PENDING_FLOW.getByName(flow.flow);
    await loadSql(stub, flowSql);
    const [row] = await runInDurableObject(env.PENDING_FLOW.getByName(flow.flow), (_, { storage }) =>
      storage.sql.exec<{ secret_hash: string }>('SELECT secret_hash FROM flow').toArray(),
    );
    const again = env.PENDING_FLOW.getByName(flow.flow);
    expect(await again.take(row?.secret_hash ?? '', 'select-account')).toMatchObject({ ok: true });
    pass(900);
    expect((await again.look(row?.secret_hash ?? '', true)).ok).toBe(false);
  });
});

it('an account of schema version 4 keeps what was exchanged: it works, and dies with what it was made from', async () => {
  await loadSql(accountOf(exchanged.code), exchangedSql);
  expect((await callMcp(exchanged.exchanged)).status).toBe(200);
  await revoke({ gate, client: exchanged.client }, exchanged.access);
  expect((await callMcp(exchanged.exchanged)).status).toBe(401);
});

it('a device of schema version 2 continues: it has to wait, its link leads to consent, and it gets its tokens', async () => {
  const [id = ''] = device.device_code.split('.');
  await loadSql(env.PENDING_FLOW.getByName(id), deviceSql);
  await registerDevice();
  const waiting = { ...device, gate, verification_uri: '/device', expires_in: 900, interval: 5 };
  expect((await poll(waiting)).body.error).toBe('authorization_pending');
  const browser = new Browser();
  const page = await openSignedIn(browser, device.verification_uri_complete);
  await answer({ browser, page: await typeCode(browser, page, device.user_code) });
  expect((await callMcp(tokensOf(await poll(waiting)).access_token)).status).toBe(200);
});

/** An object of a class that nobody used before: a flow has no tables until it begins. */
async function unused(objects: DurableObjectNamespace): Promise<DurableObjectStub> {
  const stub = objects.getByName('never used');
  if (objects === (env.PENDING_FLOW as DurableObjectNamespace)) {
    await env.PENDING_FLOW.getByName('never used').openDevice('hash', 'sealed', DUMPED_AT / 1000 + 900);
  }
  return stub;
}

describe('the schema', () => {
  it.each([
    ['Account', env.ACCOUNT as DurableObjectNamespace, ACCOUNT_SCHEMA, ACCOUNTS],
    ['PendingFlow', env.PENDING_FLOW as DurableObjectNamespace, FLOW_SCHEMA, FLOWS],
    ['McpSession', env.MCP_SESSION as DurableObjectNamespace, SESSION_SCHEMA, SESSIONS],
  ] as const)(
    'of %s has a dump of every version, and each leads to the newest',
    async (_, objects, schema, dumps) => {
      expect(dumps).toHaveLength(schema.length);
      const newest = await schemaOf(await unused(objects));
      for (const [version, sql] of dumps.entries()) {
        const name = `of version ${version + 1}`;
        await loadSql(objects.getByName(name), sql);
        expect(await schemaOf(objects.getByName(name))).toEqual(newest);
      }
    },
  );

  it('of an object that counts has a dump of every version, and keeps what waits in it', async () => {
    expect(DIRECTORIES).toHaveLength(POOL_SCHEMA.length);
    const guesser = { userId: 'somebody', budget: 'people', from: { source: 's', network: 'n' } } as const;
    const directory = env.PENDING_FLOW.getByName('directory');
    await directory.findCode('a code', guesser);
    const newest = await schemaOf(directory);
    for (const sql of DIRECTORIES) {
      await loadSql(directory, sql);
      expect(await directory.findCode('a code', guesser)).toEqual({ ok: true, value: 'sealed' });
      expect(await schemaOf(directory)).toEqual(newest);
    }
  });

  it('of a newer version than the code knows is refused, and left as it is', async () => {
    const stub = env.PENDING_FLOW.getByName('from the future');
    await stub.openDevice('hash', 'sealed', DUMPED_AT / 1000 + 900);
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec('UPDATE schema SET version = 7');
      expect(() => migrate(storage, FLOW_SCHEMA)).toThrow('schema version 7 is newer than this code');
      expect(storage.sql.exec('SELECT version FROM schema').one()).toEqual({ version: 7 });
    });
  });

  it('goes forward through every version that is missing, keeping what is stored', async () => {
    const stub = env.PENDING_FLOW.getByName('forwards');
    await runInDurableObject(stub, async (_, { storage }) => {
      await storage.deleteAll();
      const versions = [
        ['CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)'],
        ['ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 1'],
        ['ALTER TABLE things RENAME COLUMN name TO title', 'UPDATE things SET size = size + 1'],
      ];
      migrate(storage, versions.slice(0, 1));
      storage.sql.exec("INSERT INTO things (name) VALUES ('kept')");
      migrate(storage, versions);
      migrate(storage, versions);
      expect(storage.sql.exec('SELECT * FROM things').toArray()).toEqual([{ id: 1, title: 'kept', size: 2 }]);
    });
  });

  it('stays at its version, whole, when a step fails', async () => {
    const stub = env.PENDING_FLOW.getByName('failing');
    await runInDurableObject(stub, async (_, { storage }) => {
      await storage.deleteAll();
      migrate(storage, [['CREATE TABLE things (id INTEGER PRIMARY KEY)']]);
      const broken = [[], ['CREATE TABLE more (id INTEGER PRIMARY KEY)', 'CREATE NONSENSE']];
      expect(() => migrate(storage, broken)).toThrow();
      const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'more'").toArray();
      expect(tables).toEqual([]);
      expect(storage.sql.exec('SELECT version FROM schema').one()).toEqual({ version: 1 });
    });
  });
});

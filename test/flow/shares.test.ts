import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from '../../src/crypto';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { from, REACHABLE, sourceAt } from '../fixtures/from-address';
import { signInBy } from '../fixtures/keys';
import { countPool, fillShare } from '../fixtures/pools';
import {
  authorize,
  Browser,
  callMcp,
  connect,
  type Gate,
  gate,
  gateWith,
  makePkce,
  openAuthorization,
  refresh,
  registerClient,
} from '../fixtures/worker';
import { acmePerson } from '../oauth/people';

beforeEach(stopClock);
afterEach(startClock);

let addresses = 0;
const freshAddress = () => `198.18.${++addresses}.1`;

/** An authorization request that waits for somebody, opened from an address. */
async function waiting(at: Gate) {
  const client = await registerClient({}, at);
  const { code_challenge } = await makePkce();
  const browser = new Browser(at);
  return { browser, ...(await openAuthorization(browser, client, { code_challenge })) };
}

describe('flows', () => {
  it('of a source with more than its share: its oldest ends, and nobody else’s', async () => {
    const [address, client] = [freshAddress(), await registerClient()];
    const other = await waiting(from(freshAddress()));
    const oldest = await waiting(from(address));
    await fillShare('flows', await sourceAt(address), 1);
    const signedIn = new Browser();
    await signInBy(signedIn, { method: 'local', name: 'Newest' });
    const browser = new Browser(from(address));
    for (const [name, value] of signedIn.cookies) browser.cookies.set(name, value);
    const newest = await authorize({ browser, client });
    expect(newest.code).toBeTruthy();
    expect((await oldest.browser.visit(oldest.url)).status).toBe(410);
    expect((await other.browser.visit(other.url)).status).toBe(200);
  });

  it('that ended early leave nothing, and asking for them again leaves nothing either', async () => {
    const address = freshAddress();
    const oldest = await waiting(from(address));
    await fillShare('flows', await sourceAt(address), 1);
    await waiting(from(address));
    const id = new URL(oldest.url, gate.origin).searchParams.get('flow') ?? '';
    const stub = env.PENDING_FLOW.getByName(id);
    await evictDurableObject(stub);
    expect((await oldest.browser.visit(oldest.url)).status).toBe(410);
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });
});

describe('registrations', () => {
  const named = (client_name: string, at: Gate) => registerClient({ client_name }, at);
  const isKnown = async (client_id: string) => (await env.OAUTH_KV.get(`client:${client_id}`)) !== null;

  it('that nobody used, of a source with more than its share: its oldest goes, and nobody else’s', async () => {
    const address = freshAddress();
    const other = await named('Somebody’s own', from(freshAddress()));
    const oldest = await named('The oldest', from(address));
    await fillShare('registrations', await sourceAt(address), 1);
    const newest = await named('The newest', from(address));
    const known = [other, oldest, newest].map(({ client_id }) => isKnown(client_id));
    expect(await Promise.all(known)).toEqual([true, false, true]);
  });

  it('that somebody uses, or that came from elsewhere too, stay', async () => {
    const address = freshAddress();
    const used = await connect({ client: await named('In use', from(address)) });
    const shared = await named('Everybody’s', from(address));
    expect((await named('Everybody’s', from(freshAddress()))).client_id).toBe(shared.client_id);
    await fillShare('registrations', await sourceAt(address), 1);
    await named('One more', from(address));
    await named('And another', from(address));
    expect(await isKnown(shared.client_id)).toBe(true);
    expect(await countPool('registrations', used.client.client_id)).toMatchObject({ own: 0 });
    expect((await refresh(used, used.tokens.refresh_token)).status).toBe(200);
  });

  it('of confidential clients count too', async () => {
    const address = freshAddress();
    await fillShare('registrations', await sourceAt(address), 2);
    const secret = () => registerClient({ token_endpoint_auth_method: 'client_secret_basic' }, from(address));
    const [oldest] = [await secret(), await secret()];
    const { all } = await countPool('registrations');
    for (let more = 0; more < 3; more++) await secret();
    expect((await countPool('registrations')).all).toBe(all);
    expect(await isKnown(oldest.client_id)).toBe(true);
  });
});

describe('visitors', () => {
  const at = gateWith({ SIGN_IN: { methods: ['local', 'skip'] } });
  const arrive = async (address: string) => {
    const browser = new Browser(from(address, at));
    return { browser, page: await signInBy(browser, { method: 'skip' }) };
  };
  const idOf = ({ browser }: { browser: Browser }) =>
    (browser.cookies.get('gatehouse-visitor') ?? '').split('.')[0] ?? '';
  const isIn = async ({ browser }: { browser: Browser }) =>
    (await browser.visit('/sign-in')).html.includes('Visitor');

  it('who have nothing stored are dropped for others of their source, and come back as the same visitor', async () => {
    const address = freshAddress();
    const [oldest, other] = [await arrive(address), await arrive(freshAddress())];
    await fillShare('visitors', await sourceAt(address), 1);
    expect((await arrive(address)).page.status).toBe(303);
    expect([await isIn(oldest), await isIn(other)]).toEqual([false, true]);
    const id = idOf(oldest);
    await signInBy(oldest.browser, { method: 'skip' });
    expect([await isIn(oldest), idOf(oldest)]).toEqual([true, id]);
  });

  it('who allowed an app stay, and where all did no more come in: a page says so', async () => {
    const address = freshAddress();
    const kept = await connect({
      gate: at,
      browser: (await arrive(address)).browser,
      scope: ['mcp:read'],
    });
    await fillShare('visitors', await sourceAt(address), 1, true);
    const refused = await arrive(address);
    expect([refused.page.status, refused.page.headers.get('retry-after')]).toEqual([429, '3600']);
    expect(refused.page.html).toContain('Too many visitors');
    expect((await arrive(freshAddress())).page.status).toBe(303);
    expect((await callMcp(kept.tokens.access_token, { gate: at })).status).toBe(200);
  });

  it('who left nothing are gone once their sign-in has ended, and nothing is stored of them', async () => {
    const visitor = await arrive(freshAddress());
    const id = idOf(visitor);
    const stub = env.ACCOUNT.getByName(id);
    expect(await countPool('visitors', id)).toMatchObject({ own: 1 });
    pass(43_202);
    await runDurableObjectAlarm(stub);
    // The object ends itself behind its alarm.
    await vi.waitFor(async () => expect(await countPool('visitors', id)).toMatchObject({ own: 0 }));
    expect(await isIn(visitor)).toBe(false);
    const page = await signInBy(visitor.browser, { method: 'skip' });
    expect([page.status, idOf(visitor)]).toEqual([303, id]);
  });

  it('nobody else’s account ends with its sign-ins', async () => {
    const { tokens } = await connect({ gate: at, user: { name: 'Lasting' } });
    const [id = ''] = tokens.access_token.split(':');
    await env.ACCOUNT.getByName(id).forgetVisitor();
    pass(43_202);
    await runDurableObjectAlarm(env.ACCOUNT.getByName(id));
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(401);
    expect(await env.ACCOUNT.getByName(id).listGrants()).toHaveLength(1);
  });
});

describe('sessions without a credential', () => {
  const at = gateWith({ ...REACHABLE, UNAUTHENTICATED: 'authorize_tool' });
  const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
  const initialize = (name = 'test') => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '1' } },
  });
  const begin = async (address: string, name?: string) => {
    const body = JSON.stringify(initialize(name));
    const response = await from(address, at).fetch('/mcp', { method: 'POST', headers, body });
    await response.text();
    return response;
  };
  const ask = async (session: Response) => {
    const id = session.headers.get('mcp-session-id') ?? '';
    const response = await at.fetch('/mcp', {
      method: 'POST',
      headers: { ...headers, 'mcp-session-id': id },
      body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' }),
    });
    await response.text();
    return response.status;
  };

  it('of a source with more than its share: its oldest ends, and nobody else’s', async () => {
    const address = freshAddress();
    const [oldest, other] = [await begin(address), await begin(freshAddress())];
    await fillShare('sessions', await sourceAt(address), 1, true);
    expect([await ask(oldest), await ask(other)]).toEqual([200, 200]);
    const newest = await begin(address);
    expect([await ask(oldest), await ask(other), await ask(newest)]).toEqual([404, 200, 200]);
  });

  it('can’t be filled with what nobody vouches for: 413', async () => {
    expect((await begin(freshAddress(), 'x'.repeat(20_000))).status).toBe(413);
  });
});

describe('client metadata documents', () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Any host serves a document at any address, which says that it is that client. */
  function serveAnything(): { asked: string[] } {
    const served = { asked: [] as string[] };
    vi.stubGlobal('fetch', async (url: string) => {
      served.asked.push(url);
      return Response.json({ client_id: url, client_name: 'App', redirect_uris: ['https://app.example/cb'] });
    });
    return served;
  }

  const named = (client_id: string, at: Gate) => {
    const request = { response_type: 'code', redirect_uri: 'https://app.example/cb', client_id };
    const pkce = { code_challenge: 'A'.repeat(43), code_challenge_method: 'S256' };
    const query = new URLSearchParams({ ...request, ...pkce });
    return at.fetch(`/authorize?${query}`);
  };
  const keyOf = async (url: string) => `client-document:${await sha256Hex(url)}`;
  const isKept = async (url: string) => (await env.OAUTH_KV.get(await keyOf(url))) !== null;

  it('of a source with more than its share: its oldest copy goes, and is fetched again', async () => {
    serveAnything();
    const [address, host] = [freshAddress(), `https://${crypto.randomUUID()}.example`];
    const [oldest, other, newest] = [`${host}/1`, `${host}/2`, `${host}/3`];
    await named(oldest, from(address));
    await named(other, from(freshAddress()));
    expect([await isKept(oldest), await isKept(other)]).toEqual([true, true]);
    await fillShare('documents', await sourceAt(address), 1);
    await named(newest, from(address));
    expect([await isKept(oldest), await isKept(other), await isKept(newest)]).toEqual([false, true, true]);
    expect((await named(oldest, from(freshAddress()))).status).toBe(303);
  });

  it('are fetched from one host only so often: then a copy is used, or a page says so', async () => {
    const served = serveAnything();
    const host = `https://${crypto.randomUUID()}.example`;
    const limited = gateWith({ ...REACHABLE, RATE_DOCUMENTS: env.RATE_TEST });
    const statuses: number[] = [];
    for (let asked = 0; asked < 8; asked++) {
      statuses.push((await named(`${host}/${asked}`, from(freshAddress(), limited))).status);
    }
    expect(statuses.slice(0, 3)).toEqual([303, 303, 303]);
    expect(statuses.filter((status) => status === 400).length).toBeGreaterThanOrEqual(2);
    expect(served.asked.length).toBe(statuses.filter((status) => status === 303).length);
  });
});

describe('what one person has', () => {
  it('sessions: beyond their share the oldest ends, and nobody else’s', async () => {
    const [ada, eve] = [
      await connect({ user: { name: 'Many sessions' } }),
      await connect({ user: { name: 'One session' } }),
    ];
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const send = async (token: string, message: object, session?: string) => {
      const response = await gate.fetch('/mcp', {
        method: 'POST',
        headers: {
          ...headers,
          authorization: `Bearer ${token}`,
          ...(session === undefined ? {} : { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
      });
      await response.text();
      return response;
    };
    const clientInfo = { name: 'test', version: '1' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    const begin = async ({ tokens }: typeof ada) => {
      const response = await send(tokens.access_token, { method: 'initialize', params });
      return response.headers.get('mcp-session-id') ?? '';
    };
    const ask = async ({ tokens }: typeof ada, session: string) =>
      (await send(tokens.access_token, { method: 'tools/list' }, session)).status;
    const [oldest, other] = [await begin(ada), await begin(eve)];
    const [user = ''] = ada.tokens.access_token.split(':');
    await fillShare('user_sessions', { source: user, network: user }, 1);
    const newest = await begin(ada);
    expect([await ask(ada, oldest), await ask(eve, other), await ask(ada, newest)]).toEqual([404, 200, 200]);
  });

  it('browsers: of more than a hundred the one is signed out that was used least lately', async () => {
    const browser = new Browser();
    await signInBy(browser, { method: 'local', name: 'Everywhere' });
    const [user = ''] = (browser.cookies.get('gatehouse-sign-in') ?? '').split('.');
    const account = env.ACCOUNT.getByName(user);
    pass(1);
    const identity = { ...acmePerson(), provider: 'local', issuer: 'local', name: 'Everywhere' };
    for (let more = 0; more < 99; more++) await account.signIn(user, identity, { userAgent: '', ttl: 900 });
    expect((await browser.visit('/sign-in')).html).toContain('Everywhere');
    await account.signIn(user, identity, { userAgent: '', ttl: 900 });
    expect(await account.listSignIns()).toHaveLength(100);
    expect((await browser.visit('/sign-in')).html).not.toContain('Everywhere');
  });

  it('grants: of more than a thousand the one ends that was used least lately', async () => {
    const user = { name: 'Allows everything' };
    const [idle, used] = [await connect({ user }), await connect({ user })];
    const stub = env.ACCOUNT.getByName(idle.tokens.access_token.split(':')[0] ?? '');
    pass(61);
    expect((await callMcp(used.tokens.access_token)).status).toBe(200);
    await runInDurableObject(stub, (_, { storage }) => {
      const numbers =
        'WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 998)';
      storage.sql.exec(`${numbers} INSERT INTO grants
        SELECT 'filled ' || n, client_id, client_name, client_domain, redirect_uri, resource, scope, servers,
          created_at + 60, expires_at, refresh_expires_at, NULL, NULL, NULL, NULL FROM grants, numbers
        WHERE id = '${idle.tokens.access_token.split(':')[1]}'`);
      storage.sql.exec(
        `${numbers} INSERT INTO codes SELECT 'hash ' || n, 'filled ' || n, 'client', 'challenge', 0, 0, NULL FROM numbers`,
      );
    });
    const newest = await connect({ user });
    expect(await stub.listGrants()).toHaveLength(1000);
    const statuses = [idle, used, newest].map(({ tokens }) => callMcp(tokens.access_token));
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([401, 200, 200]);
  });
});

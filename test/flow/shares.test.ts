import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

  it('who left nothing make room for others of their source, and come back as who they were', async () => {
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

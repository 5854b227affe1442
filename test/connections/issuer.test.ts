import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import {
  connectAccount,
  connectedClient,
  pressConnect,
  signIn,
  statusesOf,
  type World,
  worldOf,
  worldWith,
} from '../fixtures/connections';
import { Caller } from '../fixtures/mcp-server-caller';
import { watchReasons } from '../fixtures/refusals';
import { Browser, locationOf } from '../fixtures/worker';

/* What was begun with one authorization server ends there, and its answers say whose they are (RFC 9207). */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

let people = 0;
async function signedIn(world: Pick<World, 'at'>): Promise<Browser> {
  const browser = new Browser(world.at);
  await signIn(browser, `Issued ${++people}`);
  return browser;
}

async function onTheWay(world: World) {
  const browser = await signedIn(world);
  const away = locationOf(await pressConnect(browser));
  const callback = new URL(new URL(away).searchParams.get('redirect_uri') ?? '').pathname;
  return { browser, away, callback };
}

const SHARED = '/connect/callback';
const CONFIGURED = { client_id: 'ours' };
const SECRET = { SERVER_TOOLS_CLIENT_SECRET: 'the-operators-secret' };
const fixed = (issuer: string) => ({
  ...CONFIGURED,
  authorize_url: `${issuer}/authorize`,
  token_url: `${issuer}/token`,
});

describe('the issuer in an answer', () => {
  const query = (back: string) => new URL(back, 'http://localhost').searchParams;
  const answers: [string, boolean, (params: URLSearchParams, issuer: string) => void][] = [
    ['of another', true, (params) => params.set('iss', 'https://evil.example')],
    ['with a slash behind it', true, (params, issuer) => params.set('iss', `${issuer}/`)],
    ['that is empty', true, (params) => params.set('iss', '')],
    ['that is missing though it was promised', true, (params) => params.delete('iss')],
    ['twice', true, (params, issuer) => params.append('iss', issuer)],
    ['and another one', true, (params) => params.append('iss', 'https://evil.example')],
    ['of another, from who promised none', false, (params) => params.set('iss', 'https://evil.example')],
    ['that is empty, from who promised none', false, (params) => params.set('iss', '')],
  ];
  test.each(answers)('%s: nothing is exchanged', async (_what, tellsIssuer, spoil) => {
    const world = worldWith();
    world.provider.tellsIssuer = tellsIssuer;
    const { browser, away, callback } = await onTheWay(world);
    const params = query(world.provider.allow(away));
    spoil(params, world.provider.issuer);
    const reasons = watchReasons();
    expect((await browser.visit(`${callback}?${params}`)).status).toBe(400);
    expect(reasons()).toContain('issuer_mismatch');
    expect(world.provider.tokenRequests).toEqual([]);
  });

  test('an error of another is not believed either', async () => {
    const world = worldWith();
    const { browser, away, callback } = await onTheWay(world);
    const params = query(world.provider.allow(away, 'ada', { code: '', error: 'access_denied' }));
    params.set('iss', 'https://evil.example');
    const reasons = watchReasons();
    await browser.visit(`${callback}?${params}`);
    expect(reasons()).toEqual(expect.arrayContaining(['issuer_mismatch']));
    expect(reasons()).not.toContain('provider_denied');
  });

  test('that nobody promised is right when it is the provider’s', async () => {
    const world = worldWith();
    world.provider.metadata = { authorization_response_iss_parameter_supported: false };
    const { browser, away } = await onTheWay(world);
    expect((await browser.visit(world.provider.allow(away))).status).toBe(200);
  });

  test.each([
    ['where people sign in', '', 200],
    ['below it', '/tenant', 200],
    ['anywhere else', 'https://evil.example', 400],
    ['no address', 'evil', 400],
  ])('with endpoints of the settings, %s', async (_what, iss, status) => {
    const world = worldWith(fixed);
    const { browser, away } = await onTheWay(world);
    const own = iss.startsWith('/') || iss === '' ? `${world.provider.issuer}${iss}` : iss;
    expect((await browser.visit(world.provider.allow(away, 'ada', { iss: own }))).status).toBe(status);
    expect(world.provider.tokenRequests).toHaveLength(status === 200 ? 1 : 0);
  });

  test('with endpoints of the settings, those that say whose they are, is that one alone', async () => {
    const world = worldWith((issuer) => ({ ...fixed(issuer), authorization_servers: [`${issuer}/tenant`] }));
    for (const [path, status] of [
      ['', 400],
      ['/tenant', 200],
    ] as const) {
      const { browser, away } = await onTheWay(world);
      const over = { iss: `${world.provider.issuer}${path}` };
      expect((await browser.visit(world.provider.allow(away, 'ada', over))).status).toBe(status);
    }
  });
});

describe('a client that was registered by hand', () => {
  test('goes on with the shared callback where the provider promises its issuer, and needs it there', async () => {
    const world = worldWith(CONFIGURED, SECRET);
    const { browser, away, callback } = await onTheWay(world);
    expect(callback).toBe(SHARED);
    expect((await browser.visit(world.provider.allow(away))).status).toBe(200);
    const again = await onTheWay(world);
    const back = world.provider.allow(again.away, 'ada', { iss: '' });
    expect((await again.browser.visit(back)).status).toBe(400);
    expect(world.provider.tokenRequests).toHaveLength(1);
  });

  test.each([
    ['found by its metadata', () => CONFIGURED],
    ['of the settings', fixed],
  ])('has a callback of its own where nobody promises an issuer: %s', async (_what, setting) => {
    const world = worldWith(setting as () => Record<string, unknown>, SECRET);
    world.provider.tellsIssuer = false;
    const { browser, away, callback } = await onTheWay(world);
    expect(callback).toMatch(/^\/connect\/callback\/[\w-]{32}$/);
    const back = new URL(world.provider.allow(away), world.at.origin);
    expect((await browser.visit(`${SHARED}${back.search}`)).status).toBe(400);
    expect(world.provider.tokenRequests).toEqual([]);
    expect((await connectAccount(world, browser, 'ada')).status).toBe(200);
    const another = await onTheWay(world);
    expect(another.callback).toBe(callback);
  });

  test('is not used at another authorization server that its server names later', async () => {
    const world = worldOf({ tools: () => CONFIGURED, other: () => ({}) }, SECRET);
    const { tools, other, at } = world;
    const browser = await signedIn(world);
    const first = new URL(locationOf(await pressConnect(browser)));
    expect((await browser.visit(tools.provider.allow(first.href))).status).toBe(200);
    tools.server.resource = { ...tools.server.resource, authorization_servers: [other.provider.issuer] };
    const reasons = watchReasons();
    const page = await pressConnect(await signedIn({ at }));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(reasons()).toContain('issuer_changed');
    expect(other.provider.received.join()).not.toContain('ours');
    expect(other.provider.received.join()).not.toContain('the-operators-secret');
  });

  test('is used where the operator says, whatever was before', async () => {
    const servers: string[] = [];
    const world = worldOf(
      { tools: () => ({ ...CONFIGURED, authorization_servers: servers }), other: () => ({}) },
      SECRET,
    );
    servers.push(world.tools.provider.issuer, world.other.provider.issuer);
    for (const { provider } of [world.tools, world.other]) {
      world.tools.server.resource = {
        ...world.tools.server.resource,
        authorization_servers: [provider.issuer],
      };
      const away = new URL(locationOf(await pressConnect(await signedIn(world))));
      expect(away.origin).toBe(provider.issuer);
    }
  });

  test('whose settings changed while a person was away takes its secret nowhere', async () => {
    const before = worldWith(fixed, SECRET);
    const { browser, away } = await onTheWay(before);
    const elsewhere = { tokens: 'https://new.example.com/token', secret: 'the-new-secret' };
    const url = before.server.url;
    const setting = {
      ...fixed(before.provider.issuer),
      token_url: elsewhere.tokens,
      auth: 'oauth',
      url,
    };
    const { gateBefore } = await import('../fixtures/mcp-server');
    const after = gateBefore({ tools: { setting } }, { SERVER_TOOLS_CLIENT_SECRET: elsewhere.secret });
    const moved = new Browser(after);
    for (const [name, value] of browser.cookies) moved.cookies.set(name, value);
    const reasons = watchReasons();
    expect((await moved.visit(before.provider.allow(away))).status).toBe(400);
    expect(reasons()).toContain('client_changed');
    expect(before.provider.tokenRequests).toEqual([]);
  });
});

describe('a server whose metadata names another authorization server later', () => {
  async function moved() {
    const world = worldOf({ tools: () => ({}), other: () => ({}) }, { TOKENS: { access: 864_000 } });
    const { tools, other, at } = world;
    const as = { ...tools, at, asked: world.asked };
    const client = await connectedClient(as, `Moved ${++people}`);
    tools.server.resource = { ...tools.server.resource, authorization_servers: [other.provider.issuer] };
    return { world, tools, other, client, as };
  }

  test('has its connections renewed and revoked where they were made, and nowhere else', async () => {
    const { tools, other, client } = await moved();
    pass(4000);
    expect((await new Caller(client, 'tools').call('look')).status).toBe(200);
    const grants = tools.provider.tokenRequests.map(({ form }) => form.get('grant_type'));
    expect(grants).toEqual(['authorization_code', 'refresh_token']);
    const headers = { origin: client.browser.gate.origin };
    await client.browser.visit('/api/connections/tools', { method: 'DELETE', headers });
    expect(tools.provider.revocations).toHaveLength(1);
    expect(other.provider.received).toEqual([]);
  });

  test('is connected there by the person’s own button, with a client and a callback of its own', async () => {
    const { tools, other, client } = await moved();
    const away = new URL(locationOf(await pressConnect(client.browser)));
    expect(away.origin).toBe(other.provider.issuer);
    expect(other.provider.registrations[0]?.redirect_uris).toEqual([away.searchParams.get('redirect_uri')]);
    expect(tools.provider.registrations[0]?.redirect_uris).not.toEqual(
      other.provider.registrations[0]?.redirect_uris,
    );
    expect((await client.browser.visit(other.provider.allow(away.href))).status).toBe(200);
    expect(await statusesOf(client.browser)).toEqual(
      expect.arrayContaining([expect.objectContaining({ server: 'tools', status: 'connected' })]),
    );
    const received = other.provider.received.join('\n');
    expect(tools.provider.secrets.filter((secret) => received.includes(secret))).toEqual([]);
  });
});

import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  connectAccount,
  connectedClient,
  pressConnect,
  signIn,
  statusesOf,
  type World,
  worldWith,
} from '../fixtures/connections';
import { Caller } from '../fixtures/mcp-server-caller';
import { Browser, locationOf, textOf } from '../fixtures/worker';
import { acmePerson, browserOf } from '../oauth/people';

/* Connecting an account at a server that wants OAuth, through the Worker: discovery, the way there and back. */

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

let people = 0;
/** A browser in which somebody is signed in who was never here before. */
async function signedIn(world: World, name = `Person ${++people}`): Promise<Browser> {
  const browser = new Browser(world.at);
  await signIn(browser, name);
  return browser;
}

const awayOf = async (world: World) => new URL(locationOf(await pressConnect(await signedIn(world))));

describe('with nothing but a url', () => {
  test('a person connects, and calls reach the server with their own token', async () => {
    const world = worldWith();
    const client = await connectedClient(world, 'Ada');
    expect((await new Caller(client, 'tools').call('look')).status).toBe(200);
    expect(world.server.callers.at(-1)).toBe('Ada');
    const sent = JSON.stringify([...(world.asked.at(-1)?.headers ?? [])]);
    expect(sent).not.toContain(client.tokens.access_token);
  });

  test('the request has PKCE, a state of its own, the resource and the scope that the server asks for', async () => {
    const world = worldWith();
    const away = await awayOf(world);
    expect(away.origin + away.pathname).toBe(`${world.provider.issuer}/authorize`);
    expect(Object.fromEntries(away.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: 'client-1',
      code_challenge_method: 'S256',
      redirect_uri: expect.stringMatching(/^http:\/\/localhost:8787\/connect\/callback\/[\w-]{32}$/),
      resource: world.server.url,
      scope: 'tools:use',
    });
    expect(away.searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    expect(away.searchParams.get('state')).not.toBe((await awayOf(world)).searchParams.get('state'));
  });

  test('the gate registers once, and that serves everybody', async () => {
    const world = worldWith();
    await connectAccount(world, await signedIn(world), 'ada');
    const { searchParams } = await awayOf(world);
    await connectAccount(world, await signedIn(world), 'bob');
    expect(world.provider.registrations).toHaveLength(1);
    expect(world.provider.registrations[0]).toMatchObject({
      client_name: 'Gatehouse',
      redirect_uris: [searchParams.get('redirect_uri')],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    expect(world.provider.tokenRequests.map(({ authorization }) => authorization?.slice(0, 6))).toEqual([
      'Basic ',
      'Basic ',
    ]);
  });

  test('a provider that refuses the scope at registration is asked without', async () => {
    const world = worldWith();
    const fetch = world.provider.fetch.bind(world.provider);
    world.provider.fetch = async (request) => {
      const register = request.url.endsWith('/register');
      const scoped = register && (await request.clone().text()).includes('tools:use');
      return scoped ? Response.json({ error: 'invalid_client_metadata' }, { status: 400 }) : fetch(request);
    };
    expect((await awayOf(world)).searchParams.get('scope')).toBe('tools:use');
    expect(world.provider.registrations).toHaveLength(1);
  });

  test('a registration that the provider has lost is made again on the next try', async () => {
    const world = worldWith();
    const browser = await signedIn(world);
    world.provider.misbehave = () => Response.json({ error: 'invalid_client' }, { status: 401 });
    expect((await connectAccount(world, browser, 'ada')).status).toBe(400);
    world.provider.misbehave = () => undefined;
    expect((await connectAccount(world, browser, 'ada')).status).toBe(200);
    expect(world.provider.registrations).toHaveLength(2);
  });

  test('the gate’s metadata document replaces registration where the provider supports it', async () => {
    const oidc = [{ name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate' }];
    const world = worldWith(
      {},
      { PUBLIC_URL: 'https://gate.example', DEFAULT_ROLE: 'owner', SIGN_IN: { oidc } },
    );
    world.provider.metadata = { client_id_metadata_document_supported: true };
    const browser = await browserOf(acmePerson(), world.at);
    browser.cookies.set('__Host-gatehouse-sign-in', browser.cookies.get('gatehouse-sign-in') ?? '');
    // The page posts from the origin that it was given.
    const open = await browser.visit(locationOf(await browser.visit('/connect/tools')));
    const form = open.forms.find(({ names }) => names.includes('csrf'));
    const body = new URLSearchParams(form?.hidden);
    const headers = { origin: 'https://gate.example' };
    const away = new URL(
      locationOf(await browser.visit(form?.action ?? '', { method: 'POST', body, headers })),
    );
    const client_id = away.searchParams.get('client_id') ?? '';
    expect(client_id).toMatch(/^https:\/\/gate\.example\/oauth\/client\/[\w-]{32}\.json$/);
    expect(world.provider.registrations).toEqual([]);
    const served = await world.at.fetch(new URL(client_id).pathname);
    const redirect_uri = client_id.replace('/oauth/client/', '/connect/callback/').replace('.json', '');
    expect(await served.json()).toMatchObject({
      client_id,
      redirect_uris: [redirect_uri],
      token_endpoint_auth_method: 'none',
    });
    expect(away.searchParams.get('redirect_uri')).toBe(redirect_uri);
  });

  test('the document by which older connections are renewed is still there, and no other by a made-up id', async () => {
    const served = await worldWith().at.fetch('/oauth/client.json');
    expect(await served.json()).toMatchObject({
      client_id: 'http://localhost:8787/oauth/client.json',
      redirect_uris: ['http://localhost:8787/connect/callback'],
    });
    for (const id of ['A'.repeat(32), 'tools', '..%2Fclient']) {
      expect((await worldWith().at.fetch(`/oauth/client/${id}.json`)).status).toBe(404);
    }
  });

  test('without a challenge the well-known places are looked at; without metadata the server’s own origin', async () => {
    const world = worldWith();
    world.server.challenge = '';
    expect((await awayOf(world)).origin).toBe(world.provider.issuer);
    world.server.resource = undefined;
    const refused = await pressConnect(await signedIn(world));
    expect([refused.status, refused.location]).toEqual([400, undefined]);
    const host = new URL(world.server.url).origin;
    expect(world.asked.at(-1)?.url.startsWith(host)).toBe(true);
  });

  test.each([
    [
      'issued for another resource',
      (w: World) =>
        (w.server.resource = {
          resource: 'https://other.example/mcp',
          authorization_servers: [w.provider.issuer],
        }),
    ],
    [
      'from an authorization server that calls itself another',
      (w: World) => (w.provider.metadata = { issuer: 'https://other.example' }),
    ],
    ['without PKCE', (w: World) => (w.provider.metadata = { code_challenge_methods_supported: undefined })],
    [
      'where one registers on this computer',
      (w: World) => (w.provider.metadata = { registration_endpoint: 'https://127.0.0.1/register' }),
    ],
    ['where nobody may register', (w: World) => (w.provider.metadata = { registration_endpoint: undefined })],
  ])('sends nobody on for tokens: %s', async (_what, spoil) => {
    const world = worldWith();
    spoil(world);
    const page = await pressConnect(await signedIn(world));
    expect(page.location).toBeUndefined();
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect(world.asked.some(({ url }) => url.includes('127.0.0.1'))).toBe(false);
  });

  test('a server or provider that is down is reported as such, to be tried again', async () => {
    const world = worldWith();
    world.provider.fetch = async () => new Response('<html>', { status: 503 });
    const page = await pressConnect(await signedIn(world));
    expect(page.status).toBe(502);
    expect(textOf(page.html)).toContain('isn’t responding');
    expect(page.html).toContain('/connect/tools?flow=');
  });
});

describe('with settings that say more', () => {
  test('a client_id and its secret are used in the place of a registration', async () => {
    const world = worldWith(
      { client_id: 'ours', scopes: 'a b' },
      { SERVER_TOOLS_CLIENT_SECRET: 'the-operators-secret' },
    );
    const browser = await signedIn(world);
    const away = new URL(locationOf(await pressConnect(browser)));
    expect([away.searchParams.get('client_id'), away.searchParams.get('scope')]).toEqual(['ours', 'a b']);
    expect((await browser.visit(world.provider.allow(away.href))).status).toBe(200);
    expect(world.provider.registrations).toEqual([]);
    expect(world.provider.tokenRequests[0]?.authorization).toBe(`Basic ${btoa('ours:the-operators-secret')}`);
  });

  test('fixed endpoints need no metadata, and an answer in a form is read', async () => {
    const world = worldWith(
      (issuer) => ({
        client_id: 'ours',
        authorize_url: `${issuer}/login?tenant=1`,
        token_url: `${issuer}/token`,
        token_endpoint_auth_method: 'client_secret_post',
      }),
      { SERVER_TOOLS_CLIENT_SECRET: 'secret-by-post' },
    );
    Object.assign(world.provider, { encoded: 'form', expiresIn: '3600', tellsIssuer: false });
    const browser = await signedIn(world);
    const away = new URL(locationOf(await pressConnect(browser)));
    expect([away.pathname, away.searchParams.get('tenant')]).toEqual(['/login', '1']);
    expect((await browser.visit(world.provider.allow(away.href))).status).toBe(200);
    expect(world.provider.tokenRequests[0]?.form.get('client_secret')).toBe('secret-by-post');
    expect(world.asked.map(({ url }) => new URL(url).pathname)).toEqual(['/token']);
    expect(await statusesOf(browser)).toMatchObject([{ status: 'connected' }]);
  });

  test('authorization_servers says whom to trust where the server names several, and no other', async () => {
    const world = worldWith((issuer) => ({ authorization_servers: [issuer] }));
    const [own, evil] = [world.provider.issuer, 'https://evil.example'];
    world.server.resource = { ...world.server.resource, authorization_servers: [evil, own] };
    expect((await awayOf(world)).origin).toBe(own);
    world.server.resource = { ...world.server.resource, authorization_servers: [evil] };
    expect((await pressConnect(await signedIn(world))).location).toBeUndefined();
    expect(world.asked.some(({ url }) => url.startsWith(evil))).toBe(false);
  });
});

describe('coming back from the provider', () => {
  async function onTheWay(setting = {}) {
    const world = worldWith(setting);
    const browser = await signedIn(world);
    const away = locationOf(await pressConnect(browser));
    const nothing = async () => {
      expect(world.provider.tokenRequests).toEqual([]);
      expect((await statusesOf(browser))[0]?.status).not.toBe('connected');
    };
    return { world, browser, away, nothing };
  }

  test('the status is pending meanwhile, and connected afterwards', async () => {
    const { world, browser, away } = await onTheWay();
    expect(await statusesOf(browser)).toMatchObject([{ server: 'tools', status: 'pending' }]);
    const done = await browser.visit(world.provider.allow(away));
    expect(textOf(done.html)).toContain('is connected');
    const [connection] = await statusesOf(browser);
    expect(connection).toMatchObject({ status: 'connected', scope: 'tools:use', auth: 'oauth' });
  });

  test.each([
    ['with another state', { state: `${'x'.repeat(39)}.y` }],
    ['with the state of another try in the same flow', { state: 'same' }],
    ['of another issuer', { iss: 'https://evil.example' }],
    ['without the issuer that the provider always tells', { iss: '' }],
    ['without a code', { code: '' }],
  ] as [string, Record<string, string>][])('%s connects nothing', async (_what, over) => {
    const { world, browser, away, nothing } = await onTheWay();
    const flow = new URL(away).searchParams.get('state')?.split('.')[0];
    const parameters =
      'state' in over && over.state === 'same' ? { state: `${flow}.${'A'.repeat(43)}` } : over;
    const page = await browser.visit(world.provider.allow(away, 'ada', parameters));
    expect(page.status).toBe(400);
    await nothing();
  });

  test('with a no says that, and offers to try again in the same flow', async () => {
    const { world, browser, away } = await onTheWay();
    const no = world.provider.allow(away, 'ada', { code: '', error: 'access_denied' });
    const page = await browser.visit(no);
    expect(textOf(page.html)).toContain('wasn’t connected');
    expect(await statusesOf(browser)).toMatchObject([{ status: 'not_connected' }]);
    const retry = /href="(\/connect\/tools\?flow=[\w-]+)"/.exec(page.html)?.[1] ?? '';
    const form = (await browser.visit(retry)).forms.find(({ names }) => names.includes('csrf'));
    if (!form) throw new Error('no form to try again with');
    const again = locationOf(await browser.submit(form));
    expect((await browser.visit(world.provider.allow(again))).status).toBe(200);
  });

  test('a second time, or in another browser, connects nothing more', async () => {
    const { world, browser, away } = await onTheWay();
    const back = world.provider.allow(away);
    const other = await signedIn(world);
    expect((await other.visit(back)).status).toBe(403);
    expect((await browser.visit(back)).status).toBe(200);
    expect((await browser.visit(back)).status).toBe(409);
    expect(world.provider.tokenRequests).toHaveLength(1);
    expect(await statusesOf(other)).toMatchObject([{ status: 'not_connected' }]);
  });

  test('as somebody else, who signed in at this browser meanwhile, binds nothing to either', async () => {
    const { world, browser, away, nothing } = await onTheWay();
    await signIn(browser, 'Mallory');
    expect((await browser.visit(world.provider.allow(away))).status).toBe(403);
    await nothing();
  });
});

import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Party, pressConnect, signIn, statusesOf, worldOf } from '../fixtures/connections';
import { watchReasons } from '../fixtures/refusals';
import { Browser, type Gate, locationOf } from '../fixtures/worker';

/*
 * An honest server and a hostile one behind one gate, each with an authorization server of its own (RFC 9700 section
 * 4.4): nothing of the honest one reaches the hostile one, whatever its metadata says and wherever it sends browsers.
 */

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

let people = 0;
async function somebody(at: Gate): Promise<Browser> {
  const browser = new Browser(at);
  await signIn(browser, `Mixed ${++people}`);
  return browser;
}

const none = () => ({});
type World = ReturnType<typeof begin>;
function begin(settings: { honest?: typeof none; hostile?: typeof none } = {}, variables = {}) {
  return worldOf({ honest: none, hostile: none, ...settings }, variables);
}

/** The page after the button of a server's connect page. */
const press = (browser: Browser, server: string) => pressConnect(browser, `/connect/${server}`);
const awayTo = async (browser: Browser, server: string) => new URL(locationOf(await press(browser, server)));

async function connect(browser: Browser, server: string, { provider }: Party): Promise<URL> {
  const away = await awayTo(browser, server);
  const done = await browser.visit(provider.allow(away.href));
  if (done.status !== 200) throw new Error(`not connected: ${done.status} ${done.html}`);
  return away;
}

/** What of the honest provider's secrets reached the hostile side. */
function leaked({ honest, hostile }: World): string[] {
  const received = hostile.provider.received.join('\n');
  return honest.provider.secrets.filter((secret) => received.includes(secret));
}

const statusOf = async (browser: Browser, server: string) =>
  (await statusesOf(browser)).find((one) => one.server === server)?.status;

describe('a hostile server whose metadata names the honest one’s endpoints', () => {
  test('gets neither the client id nor the secret that the gate registered there', async () => {
    const world = begin();
    const { honest, hostile } = world;
    const browser = await somebody(world.at);
    const { searchParams: own } = await connect(browser, 'honest', honest);
    hostile.provider.metadata = { registration_endpoint: `${honest.provider.issuer}/register` };
    const page = await press(browser, 'hostile');
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(honest.provider.registrations).toHaveLength(1);
    expect(leaked(world)).toEqual([]);
    expect(hostile.provider.received.join('\n')).not.toContain(own.get('client_id'));
  });

  test('where nothing says whose they are gets a client of its own, with its own callback', async () => {
    const world = begin();
    const { honest, hostile } = world;
    const browser = await somebody(world.at);
    const { searchParams: own } = await connect(browser, 'honest', honest);
    const answers = honest.provider.fetch.bind(honest.provider);
    honest.provider.fetch = async (request) =>
      request.url.includes('.well-known') ? new Response(null, { status: 404 }) : answers(request);
    hostile.provider.metadata = { registration_endpoint: `${honest.provider.issuer}/register` };
    const { searchParams: theirs } = await awayTo(browser, 'hostile');
    expect(theirs.get('client_id')).not.toBe(own.get('client_id'));
    expect(theirs.get('redirect_uri')).not.toBe(own.get('redirect_uri'));
    expect(honest.provider.registrations.map(({ redirect_uris }) => redirect_uris)).toEqual([
      [own.get('redirect_uri')],
      [theirs.get('redirect_uri')],
    ]);
  });

  test.each(['authorization_endpoint', 'registration_endpoint'])(
    'sends nobody to the honest one’s %s for tokens that are redeemed elsewhere',
    async (name) => {
      const { honest, hostile, at } = begin();
      const path = name === 'registration_endpoint' ? 'register' : 'authorize';
      hostile.provider.metadata = { [name]: `${honest.provider.issuer}/${path}` };
      const reasons = watchReasons();
      const page = await press(await somebody(at), 'hostile');
      expect([page.status, page.location]).toEqual([400, undefined]);
      expect(reasons()).toContain('provider_metadata_invalid');
    },
  );

  test('an authorization page at another host, whose metadata names the same token endpoint, is taken', async () => {
    const { honest, hostile, at } = begin();
    // One authorization server with two hosts: what the second says of itself agrees.
    honest.provider.metadata = { token_endpoint: `${hostile.provider.issuer}/token` };
    hostile.provider.metadata = { authorization_endpoint: `${honest.provider.issuer}/authorize` };
    const away = await awayTo(await somebody(at), 'hostile');
    expect(away.origin).toBe(honest.provider.issuer);
  });
});

describe('a hostile authorization endpoint that sends the browser on to the honest one', () => {
  /** A person who has connected the honest server presses the hostile one's button, and ends up at the honest one. */
  async function redirected(change: Record<string, string> = {}, tellsIssuer = false) {
    const world = begin();
    const { honest, hostile, at } = world;
    honest.provider.tellsIssuer = tellsIssuer;
    hostile.provider.tellsIssuer = false;
    const browser = await somebody(at);
    const { searchParams: own } = await connect(browser, 'honest', honest);
    const asked = await awayTo(browser, 'hostile');
    const on = new URL(`${honest.provider.issuer}/authorize${asked.search}`);
    const client_id = own.get('client_id') ?? '';
    const redirect_uri = own.get('redirect_uri') ?? '';
    for (const [name, value] of Object.entries({ client_id, redirect_uri, ...change }))
      on.searchParams.set(name, value);
    return { world, browser, on: on.href, theirs: asked.searchParams.get('redirect_uri') ?? '' };
  }

  test.each([
    ['without an issuer in its answers', false],
    ['with an issuer in its answers', true],
  ])('gets no code of it, %s', async (_what, tellsIssuer) => {
    const { world, browser, on } = await redirected({}, tellsIssuer);
    const reasons = watchReasons();
    const page = await browser.visit(world.honest.provider.allow(on));
    expect(page.status).toBe(400);
    expect(reasons()).toContain('callback_mismatch');
    expect(world.hostile.provider.tokenRequests).toEqual([]);
    expect(world.honest.provider.tokenRequests).toHaveLength(1);
    expect(leaked(world)).toEqual([]);
    expect(await statusOf(browser, 'hostile')).toBe('not_connected');
  });

  test('can’t have the answer sent to its own callback by a client that was registered for another', async () => {
    const { world, on, theirs } = await redirected();
    const moved = new URL(on);
    moved.searchParams.set('redirect_uri', theirs);
    expect(() => world.honest.provider.allow(moved.href)).toThrow('not registered');
  });

  test('gets no answer at the callback that all servers shared', async () => {
    const { world, browser, on } = await redirected();
    const back = new URL(world.honest.provider.allow(on), world.at.origin);
    const page = await browser.visit(`/connect/callback${back.search}`);
    expect(page.status).toBe(400);
    expect(world.hostile.provider.tokenRequests).toEqual([]);
    expect(leaked(world)).toEqual([]);
  });

  test.each([
    ['an error', { error: 'access_denied', code: '' }],
    ['both a code and an error', { error: 'access_denied' }],
    ['the hostile issuer', { iss: 'hostile' }],
    ['nothing but the state', { code: '' }],
  ] as [string, Record<string, string>][])('ends what was begun, with %s', async (_what, over) => {
    const { world, browser, on, theirs } = await redirected();
    const iss = over.iss === undefined ? {} : { iss: world.hostile.provider.issuer };
    const back = world.honest.provider.allow(on, 'ada', { ...over, ...iss });
    const reasons = watchReasons();
    expect((await browser.visit(back)).status).toBe(400);
    expect(reasons()).toContain('callback_mismatch');
    expect(reasons()).not.toContain('provider_denied');
    // The state is used up: its own callback takes it no more.
    const state = new URL(on).searchParams.get('state') ?? '';
    const late = await browser.visit(
      `${new URL(theirs).pathname}?${new URLSearchParams({ state, code: 'c' })}`,
    );
    expect(late.status).toBe(400);
    expect(reasons()).toContain('state_mismatch');
    expect(world.hostile.provider.tokenRequests).toEqual([]);
  });

  test('leaves the honest connection as it was', async () => {
    const { world, browser, on } = await redirected();
    await browser.visit(world.honest.provider.allow(on));
    expect(await statusOf(browser, 'honest')).toBe('connected');
    await connect(browser, 'hostile', world.hostile);
    expect(await statusOf(browser, 'hostile')).toBe('connected');
  });
});

describe('two servers of one honest authorization server', () => {
  function shared() {
    const world = begin();
    // The second server names the first one's authorization server, as a company's servers do.
    const { honest, hostile: second } = world;
    second.server.resource = { ...second.server.resource, authorization_servers: [honest.provider.issuer] };
    return { ...world, issuer: honest.provider };
  }

  test('both connect, each with a registration and a callback of its own', async () => {
    const { at, honest, issuer } = shared();
    const browser = await somebody(at);
    const [one, two] = [await connect(browser, 'honest', honest), await connect(browser, 'hostile', honest)];
    expect(one.searchParams.get('client_id')).not.toBe(two.searchParams.get('client_id'));
    expect(one.searchParams.get('redirect_uri')).not.toBe(two.searchParams.get('redirect_uri'));
    expect([await statusOf(browser, 'honest'), await statusOf(browser, 'hostile')]).toEqual([
      'connected',
      'connected',
    ]);
    const another = await somebody(at);
    await connect(another, 'honest', honest);
    await connect(another, 'hostile', honest);
    expect(issuer.registrations).toHaveLength(2);
  });

  test('an answer for one isn’t taken at the other’s callback', async () => {
    const { at, honest, issuer } = shared();
    const browser = await somebody(at);
    const one = await awayTo(browser, 'honest');
    const two = await awayTo(browser, 'hostile');
    const back = new URL(issuer.allow(one.href), at.origin);
    const other = new URL(two.searchParams.get('redirect_uri') ?? '');
    expect((await browser.visit(`${other.pathname}${back.search}`)).status).toBe(400);
    expect(issuer.tokenRequests).toEqual([]);
    await connect(browser, 'honest', honest);
  });
});

describe('client metadata documents', () => {
  const oidc = [{ name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate' }];
  const variables = { PUBLIC_URL: 'https://gate.example', DEFAULT_ROLE: 'owner', SIGN_IN: { oidc } };

  test('each server’s provider is shown one with that server’s callback alone', async () => {
    const { acmePerson, browserOf } = await import('../oauth/people');
    const world = begin({}, variables);
    const documents = { client_id_metadata_document_supported: true };
    world.honest.provider.metadata = documents;
    world.hostile.provider.metadata = documents;
    const browser = await browserOf(acmePerson(), world.at);
    browser.cookies.set('__Host-gatehouse-sign-in', browser.cookies.get('gatehouse-sign-in') ?? '');
    const seen: unknown[] = [];
    for (const server of ['honest', 'hostile']) {
      const open = await browser.visit(locationOf(await browser.visit(`/connect/${server}`)));
      const form = open.forms.find(({ names }) => names.includes('csrf'));
      const body = new URLSearchParams(form?.hidden);
      const headers = { origin: 'https://gate.example' };
      const posted = await browser.visit(form?.action ?? '', { method: 'POST', body, headers });
      const { searchParams } = new URL(locationOf(posted));
      const client_id = searchParams.get('client_id') ?? '';
      const served = await world.at.fetch(new URL(client_id).pathname);
      const document = (await served.json()) as Record<string, unknown>;
      expect(document).toMatchObject({ client_id, redirect_uris: [searchParams.get('redirect_uri')] });
      expect(JSON.stringify(document)).not.toMatch(/honest|hostile/);
      seen.push(client_id);
    }
    expect(new Set(seen).size).toBe(2);
    const made = await world.at.fetch(`/oauth/client/${'A'.repeat(32)}.json`);
    expect(made.status).toBe(404);
  });
});

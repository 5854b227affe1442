import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectAccount, pressConnect, signIn, type World, worldWith } from '../../fixtures/connections';
import { Browser, locationOf, type Page, textOf } from '../../fixtures/worker';

/* What servers and their providers really say of themselves, through the Worker: where a person is sent then. */

afterEach(() => {
  vi.unstubAllGlobals();
});

let people = 0;
async function press(world: World): Promise<Page> {
  const browser = new Browser(world.at);
  await signIn(browser, `Discoverer ${++people}`);
  return pressConnect(browser);
}

const awayOf = async (world: World) => new URL(locationOf(await press(world)));

/** The whole way, as somebody new. */
async function connect(world: World): Promise<Page> {
  const browser = new Browser(world.at);
  await signIn(browser, `Discoverer ${++people}`);
  return connectAccount(world, browser, 'ada');
}

type Answers = Record<string, (() => Response) | undefined>;

/** Puts answers at paths of the provider, or of the server, over what it says itself. */
function answerAt(host: { fetch(request: Request): Promise<Response> }, answers: Answers): void {
  const own = host.fetch.bind(host);
  host.fetch = async (request) => answers[new URL(request.url).pathname]?.() ?? own(request);
}

const none = () => new Response('nothing', { status: 404 });
const elsewhere = () => new Response(null, { status: 302, headers: { location: 'https://evil.example/x' } });
const page = () => new Response('<!doctype html><p>Hello', { headers: { 'content-type': 'text/html' } });
const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const RESOURCE = '/.well-known/oauth-protected-resource';

/** Metadata of a provider whose issuer has this path. */
function metadataOf(world: World, path = '', more: object = {}): () => Response {
  const origin = new URL(world.provider.issuer).origin;
  const endpoints = { authorization_endpoint: `${origin}/in`, token_endpoint: `${origin}/token` };
  const openid = {
    jwks_uri: `${origin}/jwks`,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
  const rest = { response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] };
  const body = { issuer: `${origin}${path}`, ...endpoints, ...openid, ...rest, ...more };
  const registration_endpoint = `${origin}/register`;
  return () => Response.json({ ...body, registration_endpoint });
}

describe('where a provider’s metadata may stand', () => {
  test.each([
    ['OpenID Connect alone', '', OPENID],
    ['the path behind the well-known place', '/tenant', `${OAUTH}/tenant`],
    ['the same for OpenID Connect', '/tenant', `${OPENID}/tenant`],
    ['the path before it', '/tenant', `/tenant${OPENID}`],
    ['a path with a slash at its end', '/tenant/', `${OAUTH}/tenant`],
  ])('%s', async (_what, path, place) => {
    for (const elsewise of [none, elsewhere, page]) {
      const world = worldWith();
      const issuer = `${world.provider.issuer}${path}`;
      world.server.resource = { resource: world.server.url, authorization_servers: [issuer] };
      const others = [OAUTH, OPENID, `${OAUTH}/tenant`, `${OPENID}/tenant`, `/tenant${OPENID}`];
      answerAt(world.provider, {
        ...Object.fromEntries(others.map((one) => [one, elsewise])),
        [place]: metadataOf(world, path),
      });
      expect((await awayOf(world)).pathname).toBe('/in');
      expect(world.asked.some(({ url }) => url.includes('evil'))).toBe(false);
    }
  });

  test('a server’s own, at the place without its path', async () => {
    for (const elsewise of [none, elsewhere, page]) {
      const world = worldWith();
      world.server.challenge = 'Bearer';
      answerAt(world.server, { [`${RESOURCE}/mcp`]: elsewise });
      expect((await awayOf(world)).origin).toBe(world.provider.issuer);
    }
  });

  test('of several providers the first that can be found', async () => {
    const world = worldWith();
    const { issuer } = world.provider;
    for (const dead of ['https://dead.example', issuer.replace('auth', 'other')]) {
      world.server.resource = { resource: world.server.url, authorization_servers: [dead, issuer] };
      expect((await awayOf(world)).origin).toBe(issuer);
    }
    world.server.resource = { resource: world.server.url, authorization_servers: ['https://dead.example'] };
    expect((await press(world)).status).toBe(502);
  });
});

describe('a challenge', () => {
  const where = (world: World) => `${new URL(world.server.url).origin}/somewhere`;
  test.each([
    [
      'after another scheme',
      (at: string) => `Basic realm="a", Bearer resource_metadata="${at}", scope="x y"`,
    ],
    [
      'before another scheme',
      (at: string) => `Bearer resource_metadata="${at}", scope="x y", Basic realm="b"`,
    ],
    [
      'with commas in quotes',
      (at: string) => `Bearer realm="a, Basic b", scope="x y", resource_metadata="${at}"`,
    ],
    [
      'with another’s scope',
      (at: string) => `Custom scope="admin", Bearer scope="x y", resource_metadata="${at}"`,
    ],
    [
      'with words that look like parameters',
      (at: string) =>
        `Bearer error_description="say scope=admin or resource_metadata=https://evil.example/", scope="x y", resource_metadata="${at}"`,
    ],
    ['in other letters', (at: string) => `bearer Scope="x y",Resource_Metadata="${at}"`],
    ['without quotes', (at: string) => `Bearer resource_metadata=${at}, scope="x y"`],
    [
      'with a quote in quotes',
      (at: string) => String.raw`Bearer realm="a \" b", scope="x y", resource_metadata="${at}"`,
    ],
  ])('%s is read', async (_what, challenge) => {
    const world = worldWith();
    answerAt(world.server, {
      [RESOURCE]: none,
      [`${RESOURCE}/mcp`]: none,
      '/somewhere': () => Response.json({ ...world.server.resource, scopes_supported: ['listed'] }),
    });
    world.server.challenge = challenge(where(world));
    expect((await awayOf(world)).searchParams.get('scope')).toBe('x y');
    expect(world.asked.some(({ url }) => url.includes('evil'))).toBe(false);
  });

  test('without a scope leaves it to what the metadata lists, with offline access', async () => {
    const world = worldWith();
    world.server.challenge = 'Bearer realm="a"';
    world.server.resource = { ...world.server.resource, scopes_supported: ['a', 'b'] };
    world.provider.metadata = { scopes_supported: ['openid', 'offline_access'] };
    expect((await awayOf(world)).searchParams.get('scope')).toBe('a b offline_access');
  });

  test('that leads nowhere, or on to another place, sends nobody on', async () => {
    for (const answer of [none, elsewhere, page]) {
      const world = worldWith();
      answerAt(world.server, { '/somewhere': answer });
      world.server.challenge = `Bearer resource_metadata="${where(world)}"`;
      expect((await press(world)).status).toBe(400);
      expect(world.asked.some(({ url }) => url.includes('evil'))).toBe(false);
    }
  });
});

describe('a registration', () => {
  /** What the token endpoint got, after a registration that was answered with this. */
  async function registeredWith(answer: object, metadata: Record<string, unknown> = {}) {
    const world = worldWith();
    world.provider.metadata = metadata;
    answerAt(world.provider, {
      '/register': () => Response.json({ redirect_uris: ['https://x.example/'], ...answer }, { status: 201 }),
    });
    const done = await connect(world);
    const { form, authorization } = world.provider.tokenRequests[0] ?? {};
    return {
      status: done.status,
      authorization,
      posted: form?.get('client_secret') ?? undefined,
      id: form?.get('client_id') ?? undefined,
    };
  }
  const [client_id, client_secret] = ['given', 's3cret'];

  test('is used as it was answered', async () => {
    const basic = `Basic ${btoa('given:s3cret')}`;
    const both = { token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] };
    expect(await registeredWith({ client_id, client_secret }, both)).toMatchObject({
      status: 200,
      authorization: basic,
    });
    const post = { client_id, client_secret, token_endpoint_auth_method: 'client_secret_post' };
    for (const metadata of [both, { token_endpoint_auth_methods_supported: undefined }]) {
      expect(await registeredWith(post, metadata)).toMatchObject({
        status: 200,
        authorization: null,
        posted: client_secret,
      });
    }
  });

  test('that gives no secret is a public client’s, whatever it says', async () => {
    const both = { token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] };
    for (const metadata of [both, {}]) {
      for (const said of [
        {},
        { token_endpoint_auth_method: 'client_secret_basic' },
        { token_endpoint_auth_method: 'none' },
      ]) {
        const got = await registeredWith({ client_id, ...said }, metadata);
        expect(got).toEqual({ status: 200, authorization: null, posted: undefined, id: client_id });
      }
    }
  });

  test.each([
    ['refused', () => Response.json({ error: 'access_denied' }, { status: 403 }), 400],
    ['down', () => new Response('x', { status: 503 }), 502],
    ['redirecting', elsewhere, 400],
    ['without a client_id', () => Response.json({ ok: true }, { status: 201 }), 400],
    ['a page', page, 400],
    ['gigantic', () => new Response('x'.repeat(300_000)), 502],
  ])('%s sends nobody on', async (_what, answer, status) => {
    const world = worldWith();
    answerAt(world.provider, { '/register': answer });
    const got = await press(world);
    expect([got.status, got.location]).toEqual([status, undefined]);
    expect(world.asked.some(({ url }) => url.includes('evil'))).toBe(false);
  });
});

describe('a token answer', () => {
  const html = '<img src=x onerror=alert(1)>';
  test.each([
    ['an error with 200', () => Response.json({ error: 'bad_verification_code', error_description: html })],
    ['an error in a form', () => new Response('error=incorrect_client_credentials&error_description=no')],
    [
      'an error of its own',
      () => Response.json({ error: 'no_way', error_description: html }, { status: 400 }),
    ],
  ])('%s: says that the provider refused, and connects nothing', async (_what, answer) => {
    const world = worldWith();
    world.provider.misbehave = answer;
    const got = await connect(world);
    expect(got.status).toBe(400);
    expect(textOf(got.html)).toContain('sign-in provider refused');
    expect(got.html).not.toContain('onerror');
  });

  test.each([
    ['no access token', () => Response.json({ token_type: 'Bearer' })],
    ['tokens of another type', () => Response.json({ access_token: 'a', token_type: 'DPoP' })],
    ['a list', () => Response.json([])],
    ['a page', page],
    ['nothing', () => new Response('')],
    ['a number for a token', () => Response.json({ access_token: 7, token_type: 'Bearer' })],
  ])('%s: says that the answer was not right, and connects nothing', async (_what, answer) => {
    const world = worldWith();
    world.provider.misbehave = answer;
    const got = await connect(world);
    expect(got.status).toBe(400);
    expect(textOf(got.html)).toContain('can’t be trusted');
    expect(got.html).not.toContain('onerror');
  });

  test.each([
    ['gigantic', () => new Response('x'.repeat(300_000))],
    ['a redirect', elsewhere],
    ['none in time or at all', () => new Response('x', { status: 503 })],
  ])('%s: may pass', async (_what, answer) => {
    const world = worldWith();
    world.provider.misbehave = answer;
    expect((await connect(world)).status).toBe(502);
    expect(world.asked.some(({ url }) => url.includes('evil'))).toBe(false);
  });
});

test('metadata that is gigantic, and endpoints that no browser should open, send nobody on', async () => {
  const endpoints = ['javascript:alert(1)', 'data:text/html,x', 'http://169.254.169.254/', '/relative'];
  const spoilt = [
    ...endpoints.map((authorization_endpoint) => ({ authorization_endpoint })),
    { scopes_supported: ['x'.repeat(300_000)] },
    { authorization_endpoint: undefined },
    { token_endpoint: undefined },
  ];
  for (const metadata of spoilt) {
    const world = worldWith();
    world.provider.metadata = metadata;
    const got = await press(world);
    expect([JSON.stringify(metadata).slice(0, 60), got.location]).toEqual([
      JSON.stringify(metadata).slice(0, 60),
      undefined,
    ]);
    expect(got.status).toBeLessThan(503);
    expect(got.status).toBeGreaterThanOrEqual(400);
  }
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
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
import { accountOf, Browser, textOf } from '../fixtures/worker';

/* What a provider or a server answers, in types and sizes that nobody expects: a page says so, and nothing breaks. */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

let people = 0;
async function signedIn(world: World): Promise<Browser> {
  const browser = new Browser(world.at);
  await signIn(browser, `Typed ${++people}`);
  return browser;
}

const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`);
const TEXT_OF_MANY = 'x'.repeat(20_000);

const TOKENS: [string, Record<string, unknown>][] = [
  ['a line break in the token', { access_token: 'a\r\nX-Injected: 1' }],
  ['a line feed at the end of the token', { access_token: 'abc\n' }],
  ['a null byte in the token', { access_token: 'a\u0000b' }],
  ['a space in the token', { access_token: 'a b' }],
  ['a tab in the token', { access_token: 'a\tb' }],
  ['letters that are no ASCII in the token', { access_token: 'tokén' }],
  ['an emoji in the token', { access_token: 'a🔑' }],
  ['a token of 20 kB', { access_token: TEXT_OF_MANY }],
  ['an empty token', { access_token: '' }],
  ['a number as the token', { access_token: 7 }],
  ['an object as the token', { access_token: { toString: 1 } }],
  ['a list as the token', { access_token: ['a'] }],
  ['an object as the type', { token_type: { toString: 1 } }],
  ['another type', { token_type: 'DPoP' }],
  ['a line break in the refresh token', { refresh_token: 'a\r\nb' }],
  ['a refresh token of 20 kB', { refresh_token: TEXT_OF_MANY }],
];

const ODD_MEMBERS: [string, Record<string, unknown>][] = [
  ['a lifetime that is a list', { expires_in: [3600] }],
  ['a lifetime that is true', { expires_in: true }],
  ['a lifetime beyond all numbers', { expires_in: 1e308 }],
  ['a lifetime below zero', { expires_in: -3600 }],
  ['a scope that is a list', { scope: ['a', 'b'] }],
  ['a scope that is a list of objects', { scope: [{ toString: 1 }] }],
  ['a scope that is a number', { scope: 7 }],
  ['a scope of 20 kB', { scope: TEXT_OF_MANY }],
  ['a scope with line breaks', { scope: 'a\r\nb' }],
  ['an object in the place of a refresh token', { refresh_token: { toString: 1 } }],
  ['members that nobody asked for, deep', { more: deep(5000), __proto__: 1, constructor: { prototype: 1 } }],
];

describe('a token answer', () => {
  test.each(TOKENS)('with %s connects nothing, and the page says so', async (_what, answer) => {
    const world = worldWith();
    world.provider.answer = answer;
    const browser = await signedIn(world);
    const page = await connectAccount(world, browser, 'ada');
    expect(page.status).toBe(400);
    expect(textOf(page.html)).toContain('wasn’t connected');
    expect((await statusesOf(browser))[0]?.status).toBe('not_connected');
  });

  test.each(TOKENS)('with %s renews nothing, and breaks no call', async (_what, answer) => {
    const world = worldWith({}, { TOKENS: { access: 864_000 } });
    const client = await connectedClient(world, `typed ${++people}`);
    pass(4000);
    world.provider.answer = answer;
    const call = await new Caller(client, 'tools').call('look');
    expect(call.status).toBe(503);
  });

  test.each(ODD_MEMBERS)('with %s connects, without it', async (_what, answer) => {
    const world = worldWith({}, { TOKENS: { access: 864_000 } });
    world.provider.answer = answer;
    const client = await connectedClient(world, `typed ${++people}`);
    expect((await new Caller(client, 'tools').call('look')).status).toBe(200);
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'connected' }]);
  });

  test('with the longest token that a header takes connects, and is sent', async () => {
    const world = worldWith({}, { TOKENS: { access: 864_000 } });
    const access_token = 'x'.repeat(16_384 - 'Bearer '.length);
    world.provider.answer = { access_token };
    const client = await connectedClient(world, `typed ${++people}`);
    await new Caller(client, 'tools').call('look');
    expect(world.asked.at(-1)?.headers.get('authorization')).toBe(`Bearer ${access_token}`);
    world.provider.answer = { access_token: `${access_token}x` };
    expect((await connectAccount(world, await signedIn(world), 'ada')).status).toBe(400);
  });

  test.each([
    ['a list', '[]'],
    ['a text', '"token"'],
    ['null', 'null'],
    ['a number', '1'],
    ['nothing', ''],
    ['lists in lists', JSON.stringify(deep(5000))],
    ['half an object', '{"access_token":"a"'],
  ])('that is %s connects nothing', async (_what, body) => {
    const world = worldWith();
    world.provider.misbehave = () => new Response(body, { headers: { 'content-type': 'application/json' } });
    expect((await connectAccount(world, await signedIn(world), 'ada')).status).toBe(400);
  });

  test.each([204, 205, 206, 418])(
    'with status %d is reported as one that connects nothing',
    async (status) => {
      const world = worldWith();
      world.provider.misbehave = () => new Response(null, { status });
      expect((await connectAccount(world, await signedIn(world), 'ada')).status).toBe(400);
    },
  );

  test('that was kept before tokens were looked at asks the person, and breaks no call', async () => {
    const world = worldWith({}, { TOKENS: { access: 864_000 } });
    const client = await connectedClient(world, `typed ${++people}`);
    const provider = { token_endpoint: `${world.provider.issuer}/token` };
    await accountOf(client.tokens.access_token).storeConnections([
      {
        place: world.server.url,
        credential: {
          auth: 'oauth',
          server: 'tools',
          access_token: 'a\r\nX-Injected: 1',
          resource: world.server.url,
          provider,
          client: { kind: 'registered', client_id: 'c' },
        },
      },
    ]);
    const { status, body } = await new Caller(client, 'tools').call('look');
    expect(status).toBe(200);
    expect(JSON.stringify(body)).toContain('/connect/tools?ticket=');
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'needs_reauthorization' }]);
  });
});

describe('a registration answer', () => {
  test.each([
    ['a number as the secret', { client_secret: 7 }],
    ['a line break in the secret', { client_secret: 'a\r\nb' }],
    ['letters that no header takes in the secret', { client_secret: 'gehéim🔑' }],
    ['a line break in the id', { client_id: 'a\r\nb' }],
    ['an empty id', { client_id: '' }],
    ['no id', { client_id: null }],
    ['an object as the id', { client_id: { toString: 1 } }],
    ['an id of 20 kB', { client_id: TEXT_OF_MANY }],
    ['a text as its end', { client_secret_expires_at: 'soon' }],
  ])('with %s sends nobody on, and the page says so', async (_what, registered) => {
    const world = worldWith();
    world.provider.registered = registered;
    const page = await pressConnect(await signedIn(world));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('can’t be connected');
  });

  test.each([
    ['in ten minutes is made again after that', 600],
    ['in the past is made each time', -600],
  ])('whose secret ends %s', async (_what, lifetime) => {
    const world = worldWith();
    world.provider.registered = {
      client_secret_expires_at: Math.floor(Date.now() / 1000) + lifetime,
    };
    await pressConnect(await signedIn(world));
    await pressConnect(await signedIn(world));
    expect(world.provider.registrations).toHaveLength(lifetime > 0 ? 1 : 2);
  });
});

describe('metadata', () => {
  const PROVIDER: [string, Record<string, unknown>][] = [
    ['a number as an endpoint', { token_endpoint: 7 }],
    ['an object as an endpoint', { authorization_endpoint: { toString: 1 } }],
    ['a list as an endpoint', { registration_endpoint: ['https://a.example'] }],
    ['a number as the issuer', { issuer: 7 }],
    ['an endpoint without TLS', { token_endpoint: 'http://auth.example/token' }],
    ['a script as an endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
    ['an endpoint with a password', { authorization_endpoint: 'https://a:b@auth.example/authorize' }],
    ['an endpoint with a fragment', { authorization_endpoint: 'https://auth.example/authorize#x' }],
    ['a list of numbers as PKCE methods', { code_challenge_methods_supported: [1] }],
    ['a text as PKCE methods', { code_challenge_methods_supported: 'S256' }],
    ['a text as methods', { token_endpoint_auth_methods_supported: 'none' }],
    ['objects as scopes', { scopes_supported: [{ toString: 1 }] }],
    ['a text as response types', { response_types_supported: 'code' }],
  ];
  test.each(PROVIDER)('with %s sends nobody on, and the page says so', async (_what, metadata) => {
    const world = worldWith();
    world.provider.metadata = metadata;
    const page = await pressConnect(await signedIn(world));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(world.provider.registrations).toEqual([]);
  });

  const RESOURCE: [string, (world: World) => unknown][] = [
    ['a number as the resource', () => ({ resource: 7 })],
    [
      'numbers as authorization servers',
      ({ server }) => ({ resource: server.url, authorization_servers: [1] }),
    ],
    [
      'a text as authorization servers',
      ({ server }) => ({ resource: server.url, authorization_servers: 'a' }),
    ],
    ['no address as one', ({ server }) => ({ resource: server.url, authorization_servers: ['a b'] })],
    [
      'scopes of 20 kB',
      ({ server, provider }) => ({
        resource: server.url,
        authorization_servers: [provider.issuer],
        scopes_supported: [TEXT_OF_MANY],
      }),
    ],
  ];
  test.each(RESOURCE)('of a server with %s sends nobody on', async (_what, spoil) => {
    const world = worldWith();
    world.server.challenge = world.server.challenge.replace(/, scope=.*/, '');
    world.server.resource = spoil(world) as Record<string, unknown>;
    const page = await pressConnect(await signedIn(world));
    expect([page.status, page.location]).toEqual([400, undefined]);
  });
});

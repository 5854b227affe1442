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
import { Browser, locationOf } from '../fixtures/worker';

/* What a provider wants beyond the specification, or against it, and the setting for it. */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
});

const LASTING = { TOKENS: { access: 864_000 } };
let people = 0;
const somebody = () => `Setting ${++people}`;

const fixed =
  (more: Record<string, unknown> = {}) =>
  (issuer: string) => ({
    client_id: 'ours',
    authorize_url: `${issuer}/authorize`,
    token_url: `${issuer}/token`,
    ...more,
  });

async function away(world: World): Promise<URLSearchParams> {
  const browser = new Browser(world.at);
  await signIn(browser, somebody());
  return new URL(locationOf(await pressConnect(browser))).searchParams;
}

/** Connects, lets the token expire, and calls: the forms of the code exchange and of the refresh. */
async function renewed(world: World) {
  const client = await connectedClient(world, somebody());
  pass(4000);
  const { status } = await new Caller(client, 'tools').call('look');
  expect(status).toBe(200);
  const [exchange, refresh] = world.provider.tokenRequests.map(({ form }) => form);
  return { exchange, refresh };
}

describe('endpoints of the settings', () => {
  test('get nothing that wasn’t configured', async () => {
    const world = worldWith(fixed(), LASTING);
    world.provider.tellsIssuer = false;
    const parameters = [
      'client_id',
      'code_challenge',
      'code_challenge_method',
      'redirect_uri',
      'response_type',
      'state',
    ];
    expect([...(await away(world)).keys()].sort()).toEqual(parameters);
    const { exchange, refresh } = await renewed(world);
    expect([...(exchange?.keys() ?? [])].sort()).toEqual([
      'client_id',
      'code',
      'code_verifier',
      'grant_type',
      'redirect_uri',
    ]);
    expect([...(refresh?.keys() ?? [])].sort()).toEqual(['client_id', 'grant_type', 'refresh_token']);
  });

  test('get no prompt for offline_access, unless the URL has one', async () => {
    expect((await away(worldWith(fixed({ scopes: 'a offline_access' })))).get('prompt')).toBeNull();
    const own = (issuer: string) => ({
      ...fixed({ scopes: 'offline_access' })(issuer),
      authorize_url: `${issuer}/authorize?prompt=login`,
    });
    expect((await away(worldWith(own))).getAll('prompt')).toEqual(['login']);
  });

  test('get the resource if the settings say so', async () => {
    const world = worldWith(fixed({ resource: true }));
    expect((await away(world)).get('resource')).toBe(world.server.url);
  });
});

describe('resource = false', () => {
  test('leaves the parameter out of all requests', async () => {
    const world = worldWith({ resource: false }, LASTING);
    expect((await away(world)).has('resource')).toBe(false);
    const { exchange, refresh } = await renewed(world);
    expect([exchange?.has('resource'), refresh?.has('resource')]).toEqual([false, false]);
  });
});

describe('refresh_scope', () => {
  test.each([
    [undefined, null],
    [false, null],
    [true, 'a b offline_access'],
    ['c', 'c'],
  ])('%j: a refresh request has the scope %j', async (refresh_scope, scope) => {
    const world = worldWith(
      { scopes: 'a b offline_access', ...(refresh_scope === undefined ? {} : { refresh_scope }) },
      LASTING,
    );
    // Granted, and named: not what was requested.
    world.provider.answer = { scope: 'a' };
    const { refresh } = await renewed(world);
    expect(refresh?.get('scope')).toBe(scope);
  });
});

describe('authorize_parameters', () => {
  test('are added, and override what the gate adds by itself', async () => {
    const parameters = { access_type: 'offline', prompt: 'select_account' };
    const sent = await away(worldWith({ scopes: 'offline_access', authorize_parameters: parameters }));
    expect(sent.get('access_type')).toBe('offline');
    expect(sent.getAll('prompt')).toEqual(['select_account']);
  });
});

describe('scope_separator', () => {
  test('is between the scopes of the authorization request', async () => {
    expect((await away(worldWith({ scopes: 'a b c', scope_separator: ',' }))).get('scope')).toBe('a,b,c');
  });
});

describe('the place and the type of a token', () => {
  test.each([
    ['of a user', { ok: true, token_type: 'user' }],
    ['of a bot', { ok: true, token_type: 'bot' }],
    ['without a type', { token_type: undefined }],
  ])('%s: it is sent as a bearer token', async (_what, answer) => {
    const world = worldWith({}, LASTING);
    world.provider.answer = answer;
    const client = await connectedClient(world, somebody());
    expect((await new Caller(client, 'tools').call('look')).status).toBe(200);
  });

  /** Moves the token of the provider's answers into `authed_user`, as Slack does, with the bot's at the top. */
  function nest(world: World, all: boolean): void {
    world.provider.misbehave = async (form) => {
      const answer = (await world.provider.grant(form).json()) as Record<string, unknown>;
      if (!all && form.get('grant_type') === 'refresh_token') return Response.json({ ok: true, ...answer });
      const authed_user = { id: 'U1', scope: 'a,b', ...answer, token_type: 'user' };
      return Response.json({
        ok: true,
        access_token: 'xoxb-of-the-bot',
        token_type: 'bot',
        scope: 'chat',
        authed_user,
      });
    };
  }

  test.each([true, false])('token_path says where it is, after a refresh too (nested: %j)', async (all) => {
    const world = worldWith({ token_path: 'authed_user.access_token' }, LASTING);
    nest(world, all);
    const client = await connectedClient(world, somebody());
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'connected', scope: 'a b' }]);
    for (const seconds of [0, 4000, 4000]) {
      pass(seconds);
      if (all || seconds === 0) expect((await new Caller(client, 'tools').call('look')).status).toBe(200);
    }
    const sent = world.asked.map(({ headers }) => headers.get('authorization') ?? '');
    expect(sent.filter((header) => header.includes('xoxb'))).toEqual([]);
  });

  test.each([
    'authed_user.access_token',
    'nowhere.access_token',
    '__proto__.access_token',
    'access_token.length',
  ])('a token at another place than %s isn’t taken instead', async (token_path) => {
    const world = worldWith({ token_path });
    const browser = new Browser(world.at);
    await signIn(browser, somebody());
    expect((await connectAccount(world, browser, 'ada')).status).toBe(400);
  });
});

describe('issuer_alias', () => {
  const tenant = (world: World) => {
    const issuer = `${world.provider.issuer}/tenant`;
    world.server.resource = { ...world.server.resource, authorization_servers: [issuer] };
    const own = world.provider.fetch.bind(world.provider);
    world.provider.fetch = async (request) => {
      const { pathname, origin } = new URL(request.url);
      if (pathname === '/.well-known/oauth-authorization-server/tenant')
        return own(new Request(`${origin}/.well-known/oauth-authorization-server`));
      return own(request);
    };
  };

  test('lets metadata name another issuer than the one that was asked', async () => {
    const world = worldWith(
      (issuer) => ({ issuer_alias: issuer, authorization_servers: [`${issuer}/tenant`] }),
      LASTING,
    );
    tenant(world);
    const { refresh } = await renewed(world);
    expect(refresh).toBeDefined();
  });

  test.each([{}, { issuer_alias: 'https://other.example.com' }])(
    'without the right one nobody is sent there',
    async (setting) => {
      const world = worldWith(setting);
      tenant(world);
      const browser = new Browser(world.at);
      await signIn(browser, somebody());
      expect((await pressConnect(browser)).status).toBe(400);
    },
  );
});

describe('a client secret with characters of its own', () => {
  const SECRET = 'a+b%2Fc/d=:';
  const ENCODED = 'a%2Bb%252Fc%2Fd%3D%3A';

  /** A provider that accepts only one proof: every proof that it gets at its token and revocation endpoints. */
  function prove(world: World, client_secret: string, wanted: string): (string | undefined)[] {
    world.provider.registered = { client_id: 'our client', client_secret };
    const got: (string | undefined)[] = [];
    const own = world.provider.fetch.bind(world.provider);
    world.provider.fetch = async (request) => {
      if (!/token$|revoke$/.test(request.url)) return own(request);
      const proof = atob(request.headers.get('authorization')?.replace('Basic ', '') ?? '');
      got.push(proof);
      return proof === wanted ? own(request) : Response.json({ error: 'invalid_client' }, { status: 401 });
    };
    return got;
  }

  async function end(client: Awaited<ReturnType<typeof connectedClient>>) {
    const headers = { origin: client.browser.gate.origin, 'content-type': 'application/json' };
    return client.browser.visit('/api/connections/tools', { method: 'DELETE', headers });
  }

  test.each([
    ['form-encoded in Basic credentials, also at revocation', `our+client:${ENCODED}`, 1],
    ['sent once more as it is, to a provider that doesn’t decode', `our client:${SECRET}`, 2],
  ])('is %s', async (_what, wanted, tries) => {
    const world = worldWith({}, LASTING);
    const got = prove(world, SECRET, wanted);
    const client = await connectedClient(world, somebody());
    pass(4000);
    expect((await new Caller(client, 'tools').call('look')).status).toBe(200);
    await end(client);
    expect(world.provider.revocations).toHaveLength(1);
    expect(got).toHaveLength(3 * tries);
  });

  test('of plain characters isn’t sent twice', async () => {
    const world = worldWith();
    const got = prove(world, 'plain-secret_1', 'another');
    world.provider.registered.client_id = 'ours';
    const browser = new Browser(world.at);
    await signIn(browser, somebody());
    expect((await connectAccount(world, browser, 'ada')).status).toBe(400);
    expect(got).toEqual(['ours:plain-secret_1']);
  });
});

describe('token_endpoint_auth_method', () => {
  test('is used although the metadata doesn’t list it', async () => {
    const setting = { client_id: 'ours', token_endpoint_auth_method: 'client_secret_post' };
    const world = worldWith(setting, { SERVER_TOOLS_CLIENT_SECRET: 'by-post' });
    await connectedClient(world, somebody());
    expect(world.provider.tokenRequests[0]?.form.get('client_secret')).toBe('by-post');
  });
});

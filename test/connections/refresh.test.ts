import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { now, pass, startClock, stopClock } from '../fixtures/clock';
import { connectAccount, connectedClient, statusesOf, type World, worldWith } from '../fixtures/connections';
import type { Connected } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { accountOf } from '../fixtures/worker';

/* A provider that misbehaves: what calls hear of it, and what becomes of the connection. */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

let people = 0;
/** A connected client; the gate's own token outlives every clock of these tests. */
async function begin(change: (world: World) => void = () => undefined) {
  const world = worldWith({}, { TOKENS: { access: 864_000 } });
  change(world);
  const client = await connectedClient(world, `person ${++people}`);
  const caller = new Caller(client, 'tools');
  const refreshes = () =>
    world.provider.tokenRequests.filter(({ form }) => form.get('grant_type') === 'refresh_token').length;
  return { world, client, caller, refreshes, call: () => caller.call('look') };
}

const statusOf = async (client: Connected) => (await statusesOf(client.browser))[0];
const isGood = ({ status, body }: Awaited<ReturnType<Caller['call']>>) =>
  status === 200 && body.result !== undefined && body.result.isError !== true;
const overloaded = (headers = {}) => new Response('<html>', { status: 503, headers });

describe('around an expiry', () => {
  test.each([
    ['that is near', 3570],
    ['that is over', 4000],
  ])(
    '%s, fifty calls at once cost one refresh, none fails, and no family is revoked',
    async (_what, seconds) => {
      const { world, call, refreshes } = await begin();
      pass(seconds);
      world.provider.misbehave = async (form) => {
        await scheduler.wait(20);
        return world.provider.grant(form);
      };
      const answers = await Promise.all(Array.from({ length: 50 }, call));
      expect(answers.filter(isGood)).toHaveLength(50);
      expect(refreshes()).toBe(1);
      expect(world.provider.families().some(({ revoked }) => revoked)).toBe(false);
      // The first refresh token is used up: only who kept the second can go on.
      pass(3600);
      expect(isGood(await call())).toBe(true);
      expect(refreshes()).toBe(2);
    },
  );

  test('the request names the resource, and the client proves itself', async () => {
    const { world, call } = await begin();
    pass(4000);
    await call();
    const last = world.provider.tokenRequests.at(-1);
    expect(last?.form.get('resource')).toBe(world.server.url);
    expect(last?.authorization).toMatch(/^Basic /);
  });

  test('fifty calls whose token was revoked out of band cost one refresh', async () => {
    const { world, call, refreshes } = await begin();
    for (const token of world.provider.access.keys()) world.server.banned.add(token);
    const answers = await Promise.all(Array.from({ length: 50 }, call));
    expect(answers.filter(isGood)).toHaveLength(50);
    expect(refreshes()).toBe(1);
  });
});

describe('what the provider leaves out or says oddly', () => {
  test('no new refresh token: the old one stays', async () => {
    const { world, call, refreshes } = await begin((w) => Object.assign(w.provider, { rotates: false }));
    for (const round of [1, 2, 3]) {
      pass(4000);
      expect(isGood(await call())).toBe(true);
      expect(refreshes()).toBe(round);
    }
    expect(
      new Set(world.provider.tokenRequests.slice(1).map(({ form }) => form.get('refresh_token'))).size,
    ).toBe(1);
  });

  test('no expires_in: used until the server refuses it, then refreshed', async () => {
    const { world, call, refreshes } = await begin((w) =>
      Object.assign(w.provider, { expiresIn: undefined }),
    );
    pass(86_400);
    expect(isGood(await call())).toBe(true);
    expect(refreshes()).toBe(0);
    for (const token of world.provider.access.keys()) world.server.banned.add(token);
    expect(isGood(await call())).toBe(true);
    expect(refreshes()).toBe(1);
  });

  test.each([['3600'], [' 3600 ']])('expires_in as text (%j) is a number of seconds', async (expiresIn) => {
    const { call, refreshes } = await begin((w) => Object.assign(w.provider, { expiresIn }));
    pass(3000);
    await call();
    expect(refreshes()).toBe(0);
    pass(1000);
    await call();
    expect(refreshes()).toBe(1);
  });

  test('no refresh token at all: good until it expires, then the person is asked', async () => {
    const { client, call, refreshes } = await begin((w) =>
      Object.assign(w.provider, { answer: { refresh_token: undefined } }),
    );
    pass(3595);
    expect(isGood(await call())).toBe(true);
    pass(10);
    expect((await call()).body.result).toMatchObject({ isError: true });
    expect(refreshes()).toBe(0);
    expect(await statusOf(client)).toMatchObject({ status: 'needs_reauthorization', reason: 'expired' });
  });

  test('an answer in a form is read', async () => {
    const { call, refreshes } = await begin((w) => Object.assign(w.provider, { encoded: 'form' }));
    pass(4000);
    expect(isGood(await call())).toBe(true);
    expect(refreshes()).toBe(1);
  });
});

describe('a failure that may pass', () => {
  test.each([
    ['503', () => overloaded(), 2],
    ['429 with Retry-After', () => new Response(null, { status: 429, headers: { 'retry-after': '30' } }), 30],
    ['503 with a date', () => overloaded({ 'retry-after': new Date((now() + 45) * 1000).toUTCString() }), 45],
    ['a web page with 200', () => new Response('<html>Sorry</html>'), 2],
    ['a redirect', () => Response.redirect('https://elsewhere.example/token', 307), 2],
    ['an unknown code', () => Response.json({ error: 'moon_phase' }, { status: 400 }), 2],
    [
      'invalid_grant that comes with a 500',
      () => Response.json({ error: 'invalid_grant' }, { status: 500 }),
      2,
    ],
  ])(
    '(%s) is 503 with Retry-After, asked once until then, and the connection stays',
    async (_what, answer, wait) => {
      const { world, client, call, refreshes } = await begin();
      pass(4000);
      world.provider.misbehave = answer;
      const answers = await Promise.all(Array.from({ length: 10 }, call));
      for (const { status, headers, body } of answers) {
        expect([status, headers.get('retry-after')]).toEqual([503, String(wait)]);
        expect(body.error?.message).toContain('Your connection is kept');
      }
      expect(refreshes()).toBe(1);
      expect(await statusOf(client)).toMatchObject({ status: 'connected' });
      world.provider.misbehave = () => undefined;
      pass(wait);
      expect(isGood(await call())).toBe(true);
      expect(refreshes()).toBe(2);
    },
  );

  test('fails no call while the token at hand is still good', async () => {
    const { world, call, refreshes } = await begin();
    pass(3570);
    world.provider.misbehave = () => overloaded();
    expect((await Promise.all(Array.from({ length: 20 }, call))).every(isGood)).toBe(true);
    expect(refreshes()).toBe(1);
  });

  test('is waited for longer each time', async () => {
    const { world, call } = await begin();
    pass(4000);
    world.provider.misbehave = () => overloaded();
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      waits.push(Number((await call()).headers.get('retry-after')));
      pass(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('a network that is gone, or a host that is forbidden by now, is the same', async () => {
    const { world, client, call } = await begin();
    pass(4000);
    world.provider.misbehave = () => Promise.reject(new TypeError('connect ECONNREFUSED 10.0.0.1'));
    const { status, body } = await call();
    expect(status).toBe(503);
    expect(JSON.stringify(body)).not.toContain('10.0.0.1');
    expect(await statusOf(client)).toMatchObject({ status: 'connected' });
  });
});

describe('a failure for good', () => {
  test.each(['invalid_grant', 'unauthorized_client', 'bad_refresh_token', 'invalid_client'])(
    '(%s) asks the person, and tells how',
    async (error) => {
      const { world, client, call, refreshes } = await begin();
      pass(4000);
      world.provider.misbehave = () =>
        Response.json({ error }, { status: error === 'bad_refresh_token' ? 200 : 400 });
      for (const answer of await Promise.all(Array.from({ length: 10 }, call))) {
        expect(answer.body.result).toMatchObject({ isError: true });
        expect(JSON.stringify(answer.body)).toContain('reconnect');
      }
      expect(refreshes()).toBe(1);
      expect(await statusOf(client)).toMatchObject({ status: 'needs_reauthorization' });
      world.provider.misbehave = () => undefined;
      expect((await connectAccount(world, client.browser, 'again')).status).toBe(200);
      expect(isGood(await call())).toBe(true);
      expect(world.server.callers.at(-1)).toBe('again');
    },
  );

  test('reuse that the provider takes for theft is reported as a refresh whose answer was lost', async () => {
    const { world, client, call } = await begin();
    pass(4000);
    // It rotated, and its answer never came.
    world.provider.misbehave = (form) => {
      world.provider.grant(form);
      return overloaded();
    };
    expect((await call()).status).toBe(503);
    world.provider.misbehave = () => undefined;
    pass(10);
    expect((await call()).body.result).toMatchObject({ isError: true });
    expect(await statusOf(client)).toMatchObject({
      status: 'needs_reauthorization',
      reason: 'refresh_answer_lost',
    });
  });

  test('the operator’s wrong secret loses nobody’s connection', async () => {
    const world = worldWith(
      { client_id: 'ours' },
      { TOKENS: { access: 864_000 }, SERVER_TOOLS_CLIENT_SECRET: 'right' },
    );
    const client = await connectedClient(world, 'Configured');
    const call = () => new Caller(client, 'tools').call('look');
    pass(4000);
    world.provider.misbehave = () => Response.json({ error: 'invalid_client' }, { status: 401 });
    const { status, headers } = await call();
    expect([status, headers.get('retry-after')]).toEqual([503, '60']);
    world.provider.misbehave = () => undefined;
    pass(60);
    expect(isGood(await call())).toBe(true);
  });

  test('a server that refuses the renewed token too is asked no third time', async () => {
    const { world, client, call, refreshes } = await begin();
    world.provider.revokeAll();
    const issue = world.provider.grant.bind(world.provider);
    world.provider.misbehave = (form) => {
      for (const family of world.provider.families()) family.revoked = false;
      const answer = issue(form);
      for (const token of world.provider.access.keys()) world.server.banned.add(token);
      return answer;
    };
    expect((await call()).body.result).toMatchObject({ isError: true });
    expect(refreshes()).toBe(1);
    expect(await statusOf(client)).toMatchObject({
      status: 'needs_reauthorization',
      reason: 'refused_by_server',
    });
    await call();
    expect(refreshes()).toBe(1);
  });

  test('a report about a token that was replaced meanwhile changes nothing', async () => {
    const { client, call } = await begin();
    await accountOf(client.tokens.access_token).credentialRefused('tools', 'an older one');
    expect(isGood(await call())).toBe(true);
  });
});

test('another server’s connection is left alone', async () => {
  const { world, client } = await begin();
  const other = { setting: { auth: 'api_key', url: 'https://other.example/mcp' } };
  expect(other).toBeDefined();
  pass(4000);
  world.provider.misbehave = () => Response.json({ error: 'invalid_grant' }, { status: 400 });
  const account = accountOf(client.tokens.access_token);
  await account.storeConnections([
    { credential: { auth: 'api_key', server: 'other', key: 'k' }, place: 'https://other.example/mcp' },
  ]);
  await new Caller(client, 'tools').call('look');
  const { connections } = await account.listConnections();
  expect(connections.map(({ server, status }) => [server, status])).toEqual([
    ['other', 'connected'],
    ['tools', 'needs_reauthorization'],
  ]);
});

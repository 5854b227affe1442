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
import { signInBy } from '../fixtures/keys';
import { connectTo } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { Browser, formWith, locationOf, textOf } from '../fixtures/worker';

/* Turns that a connection takes at an odd moment. */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
});

let people = 0;
async function begin(change: (world: World) => void = () => undefined) {
  const world = worldWith({}, { TOKENS: { access: 864_000 } });
  change(world);
  const client = await connectedClient(world, `odd ${++people}`);
  return { world, client, caller: new Caller(client, 'tools') };
}

/** Lets refreshes wait at the provider until the returned function is called. */
function holdRefresh({ provider }: World) {
  let held = true;
  let waiting = 0;
  provider.misbehave = async (form) => {
    if (form.get('grant_type') !== 'refresh_token') return undefined;
    waiting++;
    while (held) await scheduler.wait(5);
    return undefined;
  };
  return {
    isWaiting: async () => {
      while (waiting === 0) await scheduler.wait(5);
    },
    release: () => {
      held = false;
    },
  };
}

async function disconnect({ client }: { client: { browser: Browser } }) {
  const { browser } = client;
  const headers = { origin: browser.gate.origin };
  return browser.visit('/api/connections/tools', { method: 'DELETE', headers });
}

describe('while a refresh is under way', () => {
  test('who disconnects is disconnected, and what the refresh brought is revoked too', async () => {
    const begun = await begin();
    const { world, caller, client } = begun;
    pass(4000);
    const hold = holdRefresh(world);
    const call = caller.call('look');
    await hold.isWaiting();
    const gone = disconnect(begun);
    await scheduler.wait(50);
    hold.release();
    expect([204, 200]).toContain((await gone).status);
    await call;
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'not_connected' }]);
    expect(world.provider.families().every(({ revoked }) => revoked)).toBe(true);
    const { body } = await caller.call('look');
    expect(JSON.stringify(body)).toContain('/connect/tools?ticket=');
  });

  test('who connects another account has that one, and the refresh brings back none', async () => {
    const { world, caller, client } = await begin();
    pass(4000);
    const hold = holdRefresh(world);
    const call = caller.call('look');
    await hold.isWaiting();
    const connected = connectAccount(world, client.browser, 'other');
    await scheduler.wait(50);
    hold.release();
    expect((await connected).status).toBe(200);
    await call;
    await caller.call('look');
    expect(world.server.callers.at(-1)).toBe('other');
  });
});

describe('unusual answers of the provider', () => {
  test('a code and an error at once is a no', async () => {
    const world = worldWith();
    const browser = new Browser(world.at);
    await signIn(browser, `odd ${++people}`);
    const away = locationOf(await pressConnect(browser));
    const page = await browser.visit(world.provider.allow(away, 'ada', { error: 'access_denied' }));
    expect(textOf(page.html)).toContain('wasn’t connected');
    expect(world.provider.tokenRequests).toEqual([]);
  });

  test.each([0, -1, 'NaN', '1e999', ''])(
    'expires_in %j is not known: used until it is refused',
    async (expiresIn) => {
      const { world, caller } = await begin(({ provider }) => Object.assign(provider, { expiresIn }));
      pass(7200);
      expect((await caller.call('look')).body.result).toMatchObject({
        content: [{ text: 'tools/call look' }],
      });
      expect(world.provider.tokenRequests).toHaveLength(1);
    },
  );

  test('the same refresh token again: goes on', async () => {
    const { world, caller } = await begin(({ provider }) => Object.assign(provider, { rotates: false }));
    const [first] = world.provider.secrets.filter((secret) => secret.startsWith('refresh-'));
    world.provider.answer = { refresh_token: first };
    for (const round of [1, 2]) {
      pass(4000);
      await caller.call('look');
      expect(world.provider.tokenRequests).toHaveLength(1 + round);
    }
    expect(world.server.callers.length).toBeGreaterThan(1);
  });

  test('another challenge later: who connects again goes where it leads now', async () => {
    const { world, caller, client } = await begin();
    const host = new URL(world.server.url).origin;
    world.server.challenge = `Bearer resource_metadata="${host}/.well-known/oauth-protected-resource/moved"`;
    world.provider.revokeAll();
    await caller.call('look');
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'needs_reauthorization' }]);
    expect((await connectAccount(world, client.browser, 'again')).status).toBe(200);
    expect(world.asked.some(({ url }) => url.endsWith('/moved'))).toBe(true);
    await caller.call('look');
    expect(world.server.callers.at(-1)).toBe('again');
  });
});

describe('a visitor who becomes a user', () => {
  test('while their account is being connected by code has that connection too', async () => {
    const world = worldWith({}, { SIGN_IN: { methods: ['local', 'skip'] } });
    const browser = new Browser(world.at);
    await signInBy(browser, { method: 'skip', label: 'Moves' });
    const client = await connectTo(world.at, 'tools', { browser, scope: ['mcp:read'] });
    const { body } = await new Caller(client, 'tools').call('look');
    const [{ text = '' } = {}] = (body.result?.content ?? []) as { text?: string }[];
    const [link = '', code = ''] = [/http:\S+/.exec(text)?.[0], /enter (\w{4}-\w{4})\.$/.exec(text)?.[1]];
    const elsewhere = new Browser(world.at);
    const asked = await elsewhere.visit(locationOf(await elsewhere.visit(link)));
    const typed = await elsewhere.submit(formWith(asked, 'user_code'), { user_code: code });
    const confirmed = await elsewhere.visit(locationOf(typed));
    const away = locationOf(await elsewhere.submit(formWith(confirmed, 'csrf')));
    world.provider.misbehave = async () => {
      const page = await browser.visit(locationOf(await browser.visit('/sign-in?as=user')));
      const signed = await browser.submit(formWith(page, 'method'), { method: 'local', name: 'Odd mover' });
      const offer = await browser.visit(locationOf(signed));
      await browser.submit(formWith(offer, 'decision'), { decision: 'take' });
      return undefined;
    };
    expect((await elsewhere.visit(world.provider.allow(away, 'moved'))).status).toBe(200);
    expect(await statusesOf(browser)).toMatchObject([{ status: 'connected' }]);
    await new Caller(client, 'tools').call('look');
    expect(world.server.callers.at(-1)).toBe('moved');
  });
});

import { env } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { signOperatorRequest } from '../../scripts/lib/operator';
import { pressConnect, signIn, worldOf } from '../fixtures/connections';
import { Browser, type Gate, locationOf } from '../fixtures/worker';

/* What the operator registers by hand at the providers of servers. */

afterEach(() => vi.unstubAllGlobals());

const PATH = '/api/admin/callbacks';

async function listed(at: Gate): Promise<Record<string, Record<string, unknown>>> {
  const request = { method: 'GET', path: PATH, body: '' };
  const authorization = await signOperatorRequest(env.GATEHOUSE_KEYS ?? '', request);
  const response = await at.fetch(PATH, { headers: { authorization } });
  const { items } = (await response.json()) as { items: Record<string, unknown>[] };
  return Object.fromEntries(items.map((item) => [item.server, item]));
}

const hand = (issuer: string) => ({
  client_id: 'ours',
  authorize_url: `${issuer}/authorize`,
  token_url: `${issuer}/token`,
});

test('the operator gets the same redirect URI that the gate then uses', async () => {
  const world = worldOf({
    promises: () => ({ client_id: 'ours' }),
    silent: () => ({ client_id: 'ours' }),
    hub: hand,
  });
  world.silent.provider.tellsIssuer = false;
  const items = await listed(world.at);
  const browser = new Browser(world.at);
  await signIn(browser, 'Registered');
  for (const server of ['promises', 'silent', 'hub']) {
    const away = new URL(locationOf(await pressConnect(browser, `/connect/${server}`)));
    expect([server, items[server]?.redirect_uri]).toEqual([server, away.searchParams.get('redirect_uri')]);
  }
  expect(items.promises?.redirect_uri).toBe(`${world.at.origin}/connect/callback`);
});

test('gets it before there is a client id, and it stays the same with one', async () => {
  const before = worldOf({ silent: () => ({}) });
  before.silent.provider.tellsIssuer = false;
  const { redirect_uri } = (await listed(before.at)).silent ?? {};
  const after = worldOf({ silent: () => ({ client_id: 'ours' }) });
  after.silent.provider.tellsIssuer = false;
  expect((await listed(after.at)).silent?.redirect_uri).toBe(redirect_uri);
});

test('a provider that can’t be asked is reported, with the callback that always works', async () => {
  const world = worldOf({ down: () => ({ client_id: 'ours' }) });
  world.down.provider.fetch = async () => new Response(null, { status: 503 });
  expect((await listed(world.at)).down).toMatchObject({
    problem: 'provider_unavailable',
    redirect_uri: expect.stringMatching(/\/connect\/callback\/[\w-]{32}$/),
  });
});

test('nobody else learns which servers there are', async () => {
  const world = worldOf({ secret: () => ({ groups: ['staff'] }) });
  expect((await world.at.fetch(PATH)).status).toBe(401);
  const browser = new Browser(world.at);
  await signIn(browser, 'Nobody special');
  const { status, html } = await browser.visit(PATH);
  expect([status, html.includes('secret')]).toEqual([403, false]);
});

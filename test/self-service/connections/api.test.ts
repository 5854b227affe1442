import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectAccount, connectedClient, signIn, statusesOf, worldWith } from '../../fixtures/connections';
import { gateBefore } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { accountOf, Browser } from '../../fixtures/worker';

afterEach(() => {
  vi.unstubAllGlobals();
});

const plain = { setting: { auth: 'none', url: 'https://plain.example/mcp' } };
const secret = { setting: { auth: 'api_key', url: 'https://staff.example/mcp', groups: ['staff'] } };
const keyed = { setting: { auth: 'api_key', url: 'https://keyed.example/mcp', title: 'Keyed' } };

describe('/api/connections', () => {
  test('lists what this person can connect, and nothing that they may not know of', async () => {
    const world = worldWith({}, {}, { plain, secret, keyed });
    const browser = new Browser(world.at);
    await signIn(browser, 'Lister');
    await connectAccount(world, browser, 'lister');
    const items = await statusesOf(browser);
    expect(items.map(({ server, status, auth }) => [server, status, auth])).toEqual([
      ['tools', 'connected', 'oauth'],
      ['keyed', 'not_connected', 'api_key'],
    ]);
    expect(items[0]).toMatchObject({ connect_url: `${world.at.origin}/connect/tools`, scope: 'tools:use' });
    expect(items[0]?.created_at).toMatch(/^\d{4}-\d{2}-\d{2}T/);
    for (const made of world.provider.secrets) expect(JSON.stringify(items)).not.toContain(made);
  });

  test('is for who is signed in, and changes nothing for another site', async () => {
    const world = worldWith();
    expect((await world.at.fetch('/api/connections')).status).toBe(401);
    const client = await connectedClient(world, 'Owner');
    const path = '/api/connections/tools';
    const foreign = await client.browser.visit(path, {
      method: 'DELETE',
      headers: { origin: 'https://evil.example' },
    });
    expect(foreign.status).toBe(403);
    const other = new Browser(world.at);
    await signIn(other, 'Another');
    expect((await other.visit(path, { method: 'DELETE', headers: { origin: world.at.origin } })).status).toBe(
      404,
    );
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'connected' }]);
  });

  test('disconnecting ends it at once, here and at the provider', async () => {
    const world = worldWith();
    const client = await connectedClient(world, 'Leaver');
    const path = '/api/connections/tools';
    const ended = await client.browser.visit(path, {
      method: 'DELETE',
      headers: { origin: world.at.origin },
    });
    expect(ended.status).toBe(204);
    expect((await new Caller(client, 'tools').call('look')).body.result?.isError).toBe(true);
    expect(world.provider.revocations[0]?.get('token')).toMatch(/^refresh-/);
    expect(world.provider.families().every(({ revoked }) => revoked)).toBe(true);
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'not_connected' }]);
  });

  test('a provider that is down doesn’t keep a connection alive here', async () => {
    const world = worldWith();
    const client = await connectedClient(world, 'Leaving anyway');
    world.provider.fetch = async () => Promise.reject(new TypeError('gone'));
    const headers = { origin: world.at.origin };
    expect((await client.browser.visit('/api/connections/tools', { method: 'DELETE', headers })).status).toBe(
      204,
    );
    expect(await statusesOf(client.browser)).toMatchObject([{ status: 'not_connected' }]);
  });

  test('a connection whose server is gone from the settings is orphaned, and can be ended', async () => {
    const world = worldWith();
    const client = await connectedClient(world, 'Orphan');
    const without = new Browser(gateBefore({ plain }));
    for (const [name, value] of client.browser.cookies) without.cookies.set(name, value);
    expect(await statusesOf(without)).toMatchObject([{ server: 'tools', status: 'orphaned' }]);
    const headers = { origin: world.at.origin };
    expect((await without.visit('/api/connections/tools', { method: 'DELETE', headers })).status).toBe(204);
    expect(world.provider.revocations).toHaveLength(1);
    expect(await statusesOf(without)).toEqual([]);
  });

  test('a server that moved asks to be connected again: what was given for one place is for no other', async () => {
    const world = worldWith();
    const client = await connectedClient(world, 'Mover');
    const elsewhere = gateBefore({
      tools: { setting: { auth: 'oauth', url: 'https://elsewhere.example/mcp' } },
    });
    const before = world.asked.length;
    const moved = { ...client, gate: elsewhere };
    expect((await new Caller(moved, 'tools').call('look')).body.result?.isError).toBe(true);
    expect(world.asked).toHaveLength(before);
    const browser = new Browser(elsewhere);
    for (const [name, value] of client.browser.cookies) browser.cookies.set(name, value);
    expect(await statusesOf(browser)).toMatchObject([
      { status: 'needs_reauthorization', reason: 'server_moved' },
    ]);
    expect((await accountOf(client.tokens.access_token).listConnections()).connections).toHaveLength(1);
  });
});

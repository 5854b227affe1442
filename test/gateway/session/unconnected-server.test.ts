import { describe, expect, test } from 'vitest';
import { type Connected, connectTo, connectWith } from '../../fixtures/mcp-server';
import { connectMerged, deploy, InSession, TOOLS_CHANGED } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { accountOf, registerClient } from '../../fixtures/worker';

/* A session that is begun at `/mcp/{server}` while the person has no connection there: it is the gate's own. */

const one = sessionServer();
const two = sessionServer();
const keyed = { auth: 'api_key' };
const gate = deploy({ one: { behind: one, setting: keyed }, two: { behind: two, setting: keyed } });

const person = (name: string, server = 'one', more = {}) =>
  connectTo(gate, server, { user: { name }, ...more });
const begin = (connected: Connected) => InSession.begin(connected, {}, '/mcp/one');
const account = ({ tokens }: Connected) => accountOf(tokens.access_token);
const connect = (connected: Connected, key = 'k') =>
  account(connected).storeConnections([
    { credential: { auth: 'api_key', server: 'one', key }, place: 'binding:BEHIND_one' },
  ]);

describe('a session of a server that is not connected', () => {
  test('continues when it is: with a notification, and the server’s own names and resources', async () => {
    const ada = await person('Ada');
    const session = await begin(ada);
    const own = await session.listen();
    expect(await session.tools()).toEqual(['one_connect']);
    expect(await session.call('look')).toContain('/connect/one?ticket=');
    expect(one.methods()).toEqual([]);
    await connect(ada);
    await own.said(TOOLS_CHANGED);
    expect(await session.tools()).toEqual(expect.arrayContaining(['look', 'erase']));
    expect(await session.tools()).not.toContain('whoami');
    expect(await session.call('look', 'here')).toMatch(/^look/);
    expect(await session.call('one_connect')).toContain('is connected');
    const { result } = await session.request('resources/list');
    const [resource] = (result?.resources ?? []) as { uri: string }[];
    expect(resource?.uri).not.toContain('mcp+');
    const read = await session.request('resources/read', { uri: resource?.uri });
    expect(read.result?.contents).toMatchObject([{ uri: resource?.uri }]);
    // The server has one session of the gate's, and the next that a client begins is its own.
    expect(one.sessions()).toHaveLength(1);
    await begin(ada);
    expect(one.sessions()).toHaveLength(2);
    expect(await session.end()).toBe(204);
    expect(one.sessions()).toHaveLength(1);
    await own.leave();
  });

  test.each([
    ['/mcp/one', 'look'],
    ['/mcp', 'one_look'],
  ])(
    'at %s knows of a connection, and of another in its place, with the very next call',
    async (path, look) => {
      const connected = await connectWith(gate, `${gate.origin}${path}`, ['one'], { user: { name: path } });
      const session = await InSession.begin(connected, {}, path);
      const key = () => one.received.at(-1)?.headers.get('authorization');
      expect(await session.call(look)).toContain('/connect/one?ticket=');
      await connect(connected);
      expect(await session.call(look, 'here')).toMatch(/^look/);
      expect(key()).toBe('Bearer k');
      await connect(connected, 'another');
      await session.call(look);
      expect(key()).toBe('Bearer another');
    },
  );

  test('of the server’s own, whose connection is gone, shows the link; the next connection begins another', async () => {
    const ben = await person('Ben');
    await connect(ben);
    const session = await begin(ben);
    expect(await session.tools()).toContain('look');
    await account(ben).disconnect('one', []);
    expect(await session.tools()).toEqual(['one_connect']);
    expect(await session.call('look')).toContain('/connect/one?ticket=');
    const { error } = await session.request('resources/read', { uri: 'note://1' });
    expect(error).toMatchObject({ code: -32010, data: { reason: 'not_connected' } });
    await connect(ben);
    expect(await session.call('look', 'back')).toBe('Session not found');
    expect(await (await begin(ben)).call('look', 'back')).toMatch(/^look/);
  });

  test('asks for more scope in the name of that server', async () => {
    const cleo = await person('Cleo', 'one', { scope: ['mcp:read'] });
    const session = await begin(cleo);
    await connect(cleo);
    const call = { id: 1, method: 'tools/call', params: { name: 'erase', arguments: {} } };
    const refused = await session.fetch('POST', call);
    expect(refused.status).toBe(403);
    const challenge = refused.headers.get('www-authenticate');
    expect(challenge).toContain('insufficient_scope');
    expect(challenge).toContain('/.well-known/oauth-protected-resource/mcp/one"');
  });

  test('is nowhere for another user, another client, another server and /mcp', async () => {
    const dora = await person('Dora');
    const session = await begin(dora);
    const { browser } = dora;
    const client = await registerClient({ client_name: 'Another' }, gate);
    const elsewhere = [
      session.with(await person('Eve')),
      session.with(await connectTo(gate, 'one', { browser, client })),
      session.with(await connectTo(gate, 'two', { browser, client: dora.client })).at('/mcp/two'),
      session.with(await connectMerged(gate, ['one'], { browser, client: dora.client })).at('/mcp'),
    ];
    for (const other of elsewhere) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const message = method === 'POST' ? { id: 1, method: 'tools/list' } : undefined;
        const answer = await other.fetch(method, message);
        await answer.body?.cancel();
        expect(answer.status).toBe(404);
      }
    }
    expect(await session.tools()).toEqual(['one_connect']);
  });
});

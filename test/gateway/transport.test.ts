import { beforeAll, describe, expect, test } from 'vitest';
import { Caller, ERAS } from '../fixtures/mcp-server-caller';
import { type Authorized, connect, type Tokens } from '../fixtures/worker';

/* The codes of the transport at the gate's own endpoint, which are those of `/mcp/{server}`. */

let connected: Authorized & { tokens: Tokens };
beforeAll(async () => {
  connected = await connect();
});

describe.each(['/', '/mcp'])('%s', (path) => {
  const caller = () => new Caller(connected, '');

  test('answers a notification with 202 and nothing', async () => {
    const response = await caller().fetch({ path, method: 'notifications/initialized', id: null });
    expect([response.status, await response.text()]).toEqual([202, '']);
  });

  test.each<[string, string, number, number]>([
    ['what is no JSON', '{', 400, -32700],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600],
    ['an empty batch', '[]', 400, -32600],
    ['a member twice', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}', 400, -32600],
    [
      'a member in another case',
      '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/list"}',
      400,
      -32600,
    ],
    ['too much', `"${'x'.repeat(4_194_304)}"`, 413, -32600],
  ])('refuses %s with a JSON-RPC error', async (_what, body, status, code) => {
    const answer = await caller().send({ path, body });
    expect([answer.status, answer.body.error?.code]).toEqual([status, code]);
  });

  test('has no stream to open: 405, and what it takes', async () => {
    for (const era of ERAS) {
      const { status, headers } = await caller().send({ path, http: 'GET', era });
      expect([status, headers.get('allow')]).toEqual([405, era === 'legacy' ? 'POST, DELETE' : 'POST']);
    }
    const { status, headers } = await caller().send({ path, http: 'PUT' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, POST, DELETE']);
  });

  test('ends a session with 204, where the era has sessions', async () => {
    const ended = await caller().fetch({ path, http: 'DELETE' });
    expect([ended.status, await ended.text()]).toEqual([204, '']);
    const silent = await caller().fetch({ path, http: 'DELETE', headers: { 'mcp-protocol-version': '' } });
    expect(silent.status).toBe(204);
    expect((await caller().fetch({ path, http: 'DELETE', era: 'modern' })).status).toBe(405);
  });

  test('refuses a header that says another tool than the body, in both eras', async () => {
    for (const era of ERAS) {
      const { status, body } = await caller().call('whoami', {
        path,
        era,
        headers: { 'mcp-name': 'Whoami' },
      });
      expect([status, body.error?.code]).toEqual([400, -32020]);
    }
  });
});

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectModern, connectOne } from '../fixtures/full-clients';
import { type ModernUpstream, startModern } from '../fixtures/upstream-modern';
import { type Gate, startGate } from './harness/gate';
import { type Granted, grant, REDIRECT_URI, registerClient } from './harness/oauth';
import { beginSession, read, send, sendModern } from './harness/raw';
import { walk } from './harness/walk';

/* Whose session at `/mcp` it is, and what becomes of it when its user may do less. */

let gate: Gate;
let shop: ModernUpstream;
beforeAll(async () => {
  shop = await startModern();
  gate = await startGate({
    vars: {
      SERVERS: [{ name: 'shop', url: shop.url, auth: 'none' }],
      ROLES: [
        { role: 'owner', provider: 'local', groups: ['staff'] },
        { role: 'viewer', provider: 'local', groups: ['guests'] },
      ],
    },
  });
});
afterAll(() => Promise.all([gate?.stop(), shop?.close()]));

const endpoint = () => `${gate.origin}/mcp`;

/** Signs somebody in at a browser of their own, as a member of a group. */
async function signIn(name: string, groups: string) {
  const walker = walk(gate);
  await walker.open('/sign-in');
  await walker.signInLocal(name, { groups });
  return walker;
}

async function allow(name: string, groups = 'staff'): Promise<Granted> {
  const choices = { scopes: ['mcp:destructive'], servers: ['shop'] };
  const walker = await signIn(name, groups);
  return grant(gate, name, { params: { resource: endpoint() }, choices, walker });
}

describe('a role that is lowered in the middle of a session', () => {
  test('changes the list at once, tells it on the open stream, and refuses the call', async () => {
    const ada = await allow('Ada');
    const session = await connectOne(endpoint(), { bearer: () => ada.tokens.access_token });
    const modern = await connectModern(endpoint(), { bearer: () => ada.tokens.access_token });
    onTestFinished(() => Promise.all([session.terminate(), modern.client.close()]).then(() => undefined));
    const subscription = await modern.two.listen({ toolsListChanged: true });
    const names = async ({ client }: typeof session | typeof modern) =>
      (await client.listTools()).tools.map(({ name }) => name);
    const before = ['whoami', 'shop_find', 'shop_buy', 'shop_pack', 'shop_wait', 'shop_secret'];
    expect(await names(session)).toEqual(before);
    expect(await names(modern)).toEqual(before);
    const told = () =>
      [session, modern].map(({ exchange }) => exchange.all('notifications/tools/list_changed').length);
    const [session0 = 0, modern0 = 0] = told();

    await signIn('Ada', 'guests');
    await expect.poll(told).toEqual([session0 + 1, modern0 + 1]);
    for (const one of [session, modern]) {
      expect(await names(one)).toEqual(['whoami', 'shop_find', 'shop_wait']);
      await expect(one.call('shop_buy', { thing: 'a hat' })).rejects.toThrow('Unknown tool');
      expect(await one.call('shop_find', { text: 'a hat' })).toMatchObject({
        structuredContent: { found: ['a hat'] },
      });
    }
    await subscription.close();
  });
});

describe('a grant that is revoked', () => {
  test('closes every stream, though nobody says anything on it, and the next request is refused', async () => {
    const ada = await allow('Ada');
    const token = ada.tokens.access_token;
    const call = { method: 'tools/call', params: { name: 'shop_wait', arguments: {} } };
    const session = await beginSession(endpoint(), token);
    const listen = { method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true } } };
    const streams = await Promise.all([
      send(endpoint(), token, { method: 'GET', session }),
      send(endpoint(), token, { session, message: call }),
      sendModern(endpoint(), token, listen),
      sendModern(endpoint(), token, call),
    ]);
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const readings = streams.map(read);
    // Only a call that takes longer than two seconds is watched over.
    await new Promise((resolve) => setTimeout(resolve, 2300));
    expect(readings.map((reading) => reading.ended())).toEqual(streams.map(() => undefined));

    const [, id] = token.split(':');
    const url = new URL(`/api/grants/${id}`, gate.origin);
    const headers = { cookie: ada.walker.cookies.header(url) ?? '', origin: gate.origin };
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(204);
    const open = () => readings.map((reading) => reading.ended() === undefined);
    await expect.poll(open).toEqual(streams.map(() => false));
    const answers = [
      await send(endpoint(), token, { session, message: { method: 'tools/list' } }),
      await send(endpoint(), token, { method: 'GET', session }),
      await send(endpoint(), token, { method: 'DELETE', session }),
      await sendModern(endpoint(), token, { method: 'tools/list' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });
});

describe('a session id', () => {
  test('is worth nothing to another user or client, nor to its own when it has ended', async () => {
    const ada = await allow('Ada');
    const others = [await allow('Eve'), await grantAgain(ada)];
    const token = ada.tokens.access_token;
    const session = await beginSession(endpoint(), token);
    const list = { session, message: { method: 'tools/list' } };
    const listed = await send(endpoint(), token, list);
    const [, eventId = ''] = /^id: (\S+)$/m.exec(await listed.text()) ?? [];
    expect(eventId).not.toBe('');
    const requests = [
      list,
      { session, message: { method: 'initialize', params: {} } },
      { session, method: 'GET' },
      { session, method: 'GET', headers: { 'last-event-id': eventId } },
      { session, method: 'GET', headers: { 'last-event-id': '~1' } },
      { session, method: 'DELETE' },
    ] as const;
    const statuses = async (bearer: string) => {
      const answers = [];
      for (const request of requests) {
        const answer = await send(endpoint(), bearer, request);
        answers.push(answer.status);
        await answer.body?.cancel();
      }
      return answers;
    };
    const nothing = requests.map(() => 404);
    for (const { tokens } of others) expect(await statuses(tokens.access_token)).toEqual(nothing);
    expect((await send(endpoint(), token, list)).status).toBe(200);
    expect((await send(endpoint(), token, { session, method: 'DELETE' })).status).toBe(204);
    expect(await statuses(token)).toEqual(nothing);
  });
});

/** Another client that the same person allowed, in the same browser. */
async function grantAgain({ walker }: Granted): Promise<Granted> {
  const client = await registerClient(gate.origin, REDIRECT_URI, { client_name: 'Another' });
  const choices = { scopes: ['mcp:destructive'], servers: ['shop'] };
  return grant(gate, 'Ada', { params: { resource: endpoint() }, choices, walker, client });
}

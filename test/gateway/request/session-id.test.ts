import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Connected, connectTo, gateBefore, messageOf, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { Browser, registerClient } from '../../fixtures/worker';

/** A server of sessions, as 2025 has them; it keeps to the ids that it gave. */
const sessions = new Set<string>();
let calls = 0;
const behind = scripted((request) => {
  const { id, method, params } = messageOf(request);
  // Not for the gate itself, before anybody consented: each test begins without its knowing the tools.
  if (JSON.stringify(params ?? {}).includes('gatehouse')) return new Response(null, { status: 400 });
  const session = request.headers.get('mcp-session-id');
  if (method === 'initialize') {
    const made = `secret-session-${++calls}`;
    sessions.add(made);
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 's', version: '1' },
    };
    return Response.json({ jsonrpc: '2.0', id, result }, { headers: { 'mcp-session-id': made } });
  }
  if (session === null) return Response.json({ error: 'no session' }, { status: 400 });
  if (!sessions.has(session)) return new Response('<h1>no such session</h1>', { status: 404 });
  if (request.method === 'DELETE') {
    sessions.delete(session);
    return new Response(null, { status: 200 });
  }
  if (request.method === 'GET') {
    const data = `id: 9\ndata: ${request.headers.get('last-event-id')}\n\n`;
    return new Response(data, { headers: { 'content-type': 'text/event-stream' } });
  }
  const result = method === 'tools/list' ? { tools: [{ name: 'erase' }] } : { content: [] };
  return Response.json({ jsonrpc: '2.0', id, result }, { headers: { 'mcp-session-id': session } });
});
const at = gateBefore({ one: { behind }, two: { behind } });

const initialize = {
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

let ada: Connected;
let caller: Caller;
let session: string;
beforeAll(async () => {
  ada = await connectTo(at, 'one', { scope: ['mcp:read'] });
});
beforeEach(async () => {
  caller = new Caller(ada, 'one');
  session = (await caller.send(initialize)).headers.get('mcp-session-id') ?? '';
});

const inSession = (id: string) => ({ headers: { 'mcp-session-id': id } });

describe('the session of a server', () => {
  test('is hidden from the client, and given to the server', async () => {
    expect(session).not.toContain('secret-session');
    expect(session).toMatch(/^[\x21-\x7e]+$/);
    expect((await caller.send(inSession(session))).status).toBe(200);
    expect(behind.received.at(-1)?.headers.get('mcp-session-id')).toBe(`secret-session-${calls}`);
  });

  test('goes on after a restart: nothing of it is kept', async () => {
    const restarted = gateBefore({ one: { behind }, two: { behind } });
    const again = new Caller({ ...ada, gate: restarted }, 'one');
    expect((await again.send(inSession(session))).status).toBe(200);
  });

  test('has a stream, which is taken up where it broke', async () => {
    const headers = { 'mcp-session-id': session, 'last-event-id': '8' };
    const response = await caller.fetch({ http: 'GET', headers });
    expect(await response.text()).toBe('retry: 3000\nid: 9\ndata: 8\n\n');
  });

  test('ends with 204, and is 404 from then on', async () => {
    expect((await caller.fetch({ http: 'DELETE', ...inSession(session) })).status).toBe(204);
    const { status, body } = await caller.send({ method: 'resources/list', ...inSession(session) });
    expect([status, body]).toMatchObject([404, { id: 7, error: { message: 'Session not found' } }]);
  });

  test('that has ended is 404 for a call, too, so that the client starts again', async () => {
    sessions.clear();
    const { status, body } = await caller.call('erase', inSession(session));
    expect(status).toBe(404);
    expect(body).toMatchObject({ id: 7, error: { message: 'Session not found' } });
  });

  test('is no matter of a stateless request', async () => {
    const { status } = await caller.send({
      era: 'modern',
      method: 'server/discover',
      ...inSession('anything'),
    });
    expect(status).toBe(400);
    expect(behind.received.at(-1)?.headers.has('mcp-session-id')).toBe(false);
  });

  test('survives that the user gives the client more: a step-up loses no session', async () => {
    expect((await caller.call('erase', inSession(session))).status).toBe(403);
    const more = await connectTo(at, 'one', { client: ada.client, browser: ada.browser });
    const { status } = await new Caller(more, 'one').call('erase', inSession(session));
    expect(status).toBe(200);
    expect(behind.received.at(-1)?.headers.get('mcp-session-id')).toBe(`secret-session-${calls}`);
  });
});

describe('a session id gets nowhere', () => {
  async function expectNotFound(by: Caller, id: string): Promise<void> {
    const before = behind.received.length;
    for (const http of ['POST', 'GET', 'DELETE']) {
      const { status, body } = await by.send({ http, ...inSession(id) });
      expect([http, status, body.error?.message]).toEqual([http, 404, 'Session not found']);
    }
    expect(behind.received.length).toBe(before);
  }

  test('with another user', async () => {
    const eve = await connectTo(at, 'one', { client: ada.client, user: { name: 'Eve' } });
    await expectNotFound(new Caller(eve, 'one'), session);
  });

  test('with another client of the same user', async () => {
    const client = await registerClient({ client_name: 'Other' }, at);
    const other = await connectTo(at, 'one', { client, browser: ada.browser });
    await expectNotFound(new Caller(other, 'one'), session);
  });

  test('at another server', async () => {
    const two = await connectTo(at, 'two', { client: ada.client, browser: ada.browser });
    await expectNotFound(new Caller(two, 'two'), session);
  });

  test.each([
    ['the server’s own', () => `secret-session-${calls}`],
    ['one that nobody made', () => 'anything'],
    ['one that was changed', () => session.replace(/.(?=.{9}$)/, (one) => (one === 'A' ? 'B' : 'A'))],
    ['one that was cut', () => session.slice(0, -8)],
    ['two', () => `${session}, ${session}`],
  ])('when it is %s', async (_what, id) => {
    await expectNotFound(caller, id());
  });

  test('without a token, no matter whose it is', async () => {
    const { status } = await caller.send({ headers: { 'mcp-session-id': session, authorization: '' } });
    expect(status).toBe(401);
  });

  test('in another browser of the same person it is the same person’s', async () => {
    const again = await connectTo(at, 'one', { client: ada.client, browser: new Browser(at) });
    expect((await new Caller(again, 'one').send(inSession(session))).status).toBe(200);
  });
});

import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type Connected, connectTo, listResult, messageOf, scripted } from '../../fixtures/mcp-server';
import { META, MODERN } from '../../fixtures/mcp-server-caller';
import {
  connectMerged,
  deploy,
  EventStream,
  eventually,
  InSession,
  TOOLS_CHANGED,
} from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { accountOf } from '../../fixtures/worker';

/* A person who connects another account in the middle of a session: nothing of one is the other's. */

/** Refuses keys that it no longer takes. */
const banned = new Set<string>();
const sessions = sessionServer();
const one = scripted((received) => {
  const { url, method, headers, text, signal } = received;
  if (banned.has(headers.get('authorization') ?? '')) return new Response(null, { status: 401 });
  return sessions.fetch(
    new Request(url, { method, headers, signal, ...(text === '' ? {} : { body: text }) }),
  );
});
/** Lists a tool that is named after the key, for ten minutes. */
const two = scripted((received) => {
  const { id, method } = messageOf(received);
  if (id === undefined) return new Response(null, { status: 202 });
  const key = received.headers.get('authorization')?.split(' ')[1];
  const result =
    method === 'tools/list'
      ? listResult({ [`of-${key}`]: { readOnlyHint: true } }, { ttlMs: 600_000 })
      : {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'two', version: '1' },
        };
  return Response.json({ jsonrpc: '2.0', id, result });
});
/** Of revision 2026-07-28. */
const handler = createMcpHandler(
  () => {
    const server = new McpServer(
      { name: 'm', version: '1' },
      { capabilities: { tools: { listChanged: true } } },
    );
    server.registerTool('look', { inputSchema: z.object({}), annotations: { readOnlyHint: true } }, () => ({
      content: [{ type: 'text', text: 'looked' }],
    }));
    return server;
  },
  { keepAliveMs: 0 },
);
const modern = scripted(({ url, method, headers, text, signal }) =>
  handler.fetch(new Request(url, { method, headers, signal, ...(text === '' ? {} : { body: text }) })),
);
/** The keys in whose name somebody listens there now. */
const keysHeard = () =>
  modern.received
    .filter((received) => messageOf(received).method === 'subscriptions/listen' && !received.signal.aborted)
    .map(({ headers }) => headers.get('authorization'));
/** Takes one token at a time. */
let taken = '';
const renewing = sessionServer();
const renewed = scripted(({ url, method, headers, text, signal }) => {
  if (headers.get('authorization') !== `Bearer ${taken}`) return new Response(null, { status: 401 });
  return renewing.fetch(
    new Request(url, { method, headers, signal, ...(text === '' ? {} : { body: text }) }),
  );
});
const keyed = { auth: 'api_key' };
const fixed = {
  auth: 'oauth',
  client_id: 'gate',
  authorize_url: 'https://renewed.example/authorize',
  token_url: 'https://renewed.example/token',
};
const gate = deploy({
  one: { behind: one, setting: keyed },
  two: { behind: two, setting: keyed },
  modern: { behind: modern, setting: keyed },
  renewed: { behind: renewed, setting: fixed },
});

const account = ({ tokens }: Connected) => accountOf(tokens.access_token);
const connect = (connected: Connected, key: string, server = 'one') =>
  account(connected).storeConnections([
    { credential: { auth: 'api_key', server, key }, place: `binding:BEHIND_${server}` },
  ]);

/** `subscriptions/listen` by raw HTTP. */
async function subscribe({ tokens }: Connected): Promise<EventStream> {
  const notifications = { toolsListChanged: true };
  const method = 'subscriptions/listen';
  const headers = {
    authorization: `Bearer ${tokens.access_token}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { notifications, _meta: META } });
  return new EventStream(await gate.fetch('/mcp', { method: 'POST', headers, body }));
}

/** By the server's own sessions: with which keys requests came in it. */
function keysBySession(): Record<string, string[]> {
  const found: Record<string, Set<string>> = {};
  for (const { headers } of one.received) {
    const [session, key] = [headers.get('mcp-session-id'), headers.get('authorization')];
    if (session === null || key === null) continue;
    found[session] = (found[session] ?? new Set()).add(key);
  }
  return Object.fromEntries(Object.entries(found).map(([id, keys]) => [id, [...keys]]));
}
const mixed = () => Object.values(keysBySession()).filter((keys) => keys.length > 1);

describe('another account in the middle of a session', () => {
  test('at /mcp the server behind gets a session of its own for it', async () => {
    const ada = await connectMerged(gate, ['one'], { user: { name: 'Ada A' } });
    await connect(ada, 'work');
    const session = await InSession.begin(ada);
    const own = await session.listen();
    expect(await session.call('one_look', 'first')).toMatch(/^look: first/);
    expect(await eventually(() => sessions.listeners() === 1)).toBe(true);
    await connect(ada, 'private');
    expect(await session.call('one_look', 'second')).toMatch(/^look: second/);
    const listens = () =>
      one.received.some(
        ({ method, headers }) => method === 'GET' && headers.get('authorization') === 'Bearer private',
      );
    expect(await eventually(listens)).toBe(true);
    expect(mixed()).toEqual([]);
    await own.leave();
    await session.end();
    expect(mixed()).toEqual([]);
  });

  test.each(['/mcp', '/mcp/renewed'])(
    'at %s the same account goes on in its session with a renewed token',
    async (path) => {
      const merged = path === '/mcp';
      const who = { user: { name: `Ivy ${path}` } };
      const ivy = merged
        ? await connectMerged(gate, ['renewed'], who)
        : await connectTo(gate, 'renewed', who);
      taken = `first-${path}`;
      const now = Math.floor(Date.now() / 1000);
      const provider = { token_endpoint: 'https://renewed.example/token' };
      const client = { kind: 'registered', client_id: 'gate', token_endpoint_auth_method: 'none' } as const;
      const tokens = { access_token: taken, refresh_token: 'r', expires_at: now + 3600 };
      const place = 'binding:BEHIND_renewed';
      const about = { server: 'renewed', resource: 'https://r.example', provider, client };
      await account(ivy).storeConnections([{ credential: { auth: 'oauth', ...about, ...tokens }, place }]);
      vi.stubGlobal('fetch', async () => {
        taken = `second-${path}`;
        return Response.json({
          access_token: taken,
          token_type: 'Bearer',
          expires_in: 3600,
          refresh_token: 's',
        });
      });
      const session = await InSession.begin(ivy, {}, path);
      const stream = await session.listen();
      const look = merged ? 'renewed_look' : 'look';
      const before = await session.call(look, 'x');
      const its = before.split(' ').at(-1);
      expect(await eventually(() => renewing.listensIn(its))).toBe(true);
      taken = 'none that was given';
      expect(await session.call(look, 'x')).toBe(before);
      expect(taken).toBe(`second-${path}`);
      expect(renewing.listensIn(its)).toBe(true);
      if (merged) {
        renewing.hangUp();
        expect(await eventually(() => !renewing.listensIn(its))).toBe(true);
        expect(await eventually(() => renewing.listensIn(its))).toBe(true);
      }
      expect(await session.call(look, 'x')).toBe(before);
      await stream.leave();
      expect(await session.end()).toBe(204);
      vi.unstubAllGlobals();
    },
  );

  test('at /mcp/{server} the session is over, as when the server had forgotten it', async () => {
    const bea = await connectTo(gate, 'one', { user: { name: 'Bea A' } });
    await connect(bea, 'work-b');
    const session = await InSession.begin(bea, {}, '/mcp/one');
    expect(await session.call('look', 'first')).toMatch(/^look: first/);
    await connect(bea, 'private-b');
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await session.fetch(
        method,
        method === 'POST' ? { id: 9, method: 'tools/list' } : undefined,
      );
      await answer.body?.cancel();
      expect(answer.status).toBe(404);
    }
    expect(
      (await session.fetch('POST', { id: 9, method: 'tools/call', params: { name: 'look' } })).status,
    ).toBe(404);
    const next = await InSession.begin(bea, {}, '/mcp/one');
    expect(await next.call('look', 'second')).toMatch(/^look: second/);
    expect(mixed()).toEqual([]);
  });

  test('at /mcp/{server} the client’s own stream ends with the connection', async () => {
    const fay = await connectTo(gate, 'one', { user: { name: 'Fay A' } });
    await connect(fay, 'work-f');
    const session = await InSession.begin(fay, {}, '/mcp/one');
    const own = await session.listen();
    expect(own.response.status).toBe(200);
    await account(fay).disconnect('one', []);
    await own.end();
  });

  test('a list that is promised to stay is another account’s no longer', async () => {
    const gus = await connectMerged(gate, ['two'], { user: { name: 'Gus A' } });
    await connect(gus, 'mine', 'two');
    const session = await InSession.begin(gus);
    expect(await session.tools()).toContain('two_of-mine');
    await connect(gus, 'ours', 'two');
    expect(await session.tools()).toContain('two_of-ours');
    expect(await session.call('two_of-mine')).toBe('Unknown tool: two_of-mine');
  });

  test('a connection that is gone is no longer listened to', async () => {
    const cleo = await connectMerged(gate, ['one'], { user: { name: 'Cleo A' } });
    await connect(cleo, 'gone');
    const session = await InSession.begin(cleo);
    const own = await session.listen();
    await session.call('one_look');
    const its = one.received.at(-1)?.headers.get('mcp-session-id') ?? undefined;
    expect(await eventually(() => sessions.listensIn(its))).toBe(true);
    await account(cleo).disconnect('one', []);
    await own.said(TOOLS_CHANGED);
    expect(await eventually(() => !sessions.listensIn(its))).toBe(true);
    await own.leave();
  });

  test.each(['2025', '2026'])(
    'a server of 2026 is listened to as whom a client of %s acts now',
    async (era) => {
      const hal = await connectMerged(gate, ['modern'], { user: { name: `Hal ${era}` } });
      const [mine, other] = [`mine-${era}`, `other-${era}`];
      await connect(hal, mine, 'modern');
      const session = await InSession.begin(hal);
      const stream = era === '2025' ? await session.listen() : await subscribe(hal);
      if (era === '2025') await session.call('modern_look');
      expect(await eventually(() => keysHeard().includes(`Bearer ${mine}`))).toBe(true);
      await account(hal).disconnect('modern', []);
      expect(await eventually(() => !keysHeard().includes(`Bearer ${mine}`))).toBe(true);
      await connect(hal, other, 'modern');
      expect(await eventually(() => keysHeard().includes(`Bearer ${other}`))).toBe(true);
      await connect(hal, mine, 'modern');
      expect(await eventually(() => keysHeard().includes(`Bearer ${mine}`))).toBe(true);
      expect(await eventually(() => !keysHeard().includes(`Bearer ${other}`))).toBe(true);
      await stream.leave();
    },
  );

  test('a key that the server has ended shows the link at once, and another brings the tools at once', async () => {
    const dora = await connectMerged(gate, ['one'], { user: { name: 'Dora A' } });
    await connect(dora, 'ended');
    const session = await InSession.begin(dora);
    expect(await session.tools()).toContain('one_look');
    banned.add('Bearer ended');
    expect(await session.tools()).toContain('one_connect');
    expect(await session.call('one_look')).toContain('/connect/one?ticket=');
    await connect(dora, 'fresh');
    expect(await session.tools()).toContain('one_look');
    expect(await session.call('one_look', 'back')).toMatch(/^look: back/);
  });

  test('a key that was ended before anything was asked shows the link with the first call', async () => {
    const eli = await connectMerged(gate, ['one'], { user: { name: 'Eli A' } });
    await connect(eli, 'ended-early');
    banned.add('Bearer ended-early');
    const session = await InSession.begin(eli);
    expect(await session.call('one_look')).toContain('/connect/one?ticket=');
    await connect(eli, 'fresh-e');
    expect(await session.call('one_look', 'now')).toMatch(/^look: now/);
  });
});

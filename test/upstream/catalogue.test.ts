import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Behind,
  connectTo,
  gateBefore,
  listResult,
  messageOf,
  type Received,
  scripted,
} from '../fixtures/mcp-server';
import { Caller, ERAS, META } from '../fixtures/mcp-server-caller';

/*
 * What the gate knows of a server's tools, by what it asks the server. A time of its own: what is known stays
 * known for a minute.
 */

let list: (request: Received, page: string | undefined) => Response | Promise<Response>;
let behind: Behind;
let count = 0;
/** What the server says to the gate itself, before anybody consented; undefined: that it won't. */
let quiet: Promise<Response> | undefined;
const fresh = () => `s${count}`;

beforeEach(() => {
  count++;
  quiet = undefined;
  behind = scripted(async (request) => {
    const { id, method, params } = messageOf(request);
    if (request.text.includes('"gatehouse"')) return quiet ? quiet : new Response(null, { status: 400 });
    if (method === 'tools/list') return list(request, params?.cursor as string | undefined);
    if (request.method === 'GET') {
      const data = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
      return new Response(`data: ${data}\n\n`, { headers: { 'content-type': 'text/event-stream' } });
    }
    return Response.json({ jsonrpc: '2.0', id, result: { content: [] } });
  });
  list = (request) => tools(request, { look: { readOnlyHint: true } });
});
afterEach(() => {
  vi.useRealTimers();
});

const at = () =>
  gateBefore({ [fresh()]: { behind, setting: { title: 'Fresh', timeout: 1, max_list_bytes: 2048 } } });
const open = async (options = {}) => new Caller(await connectTo(at(), fresh(), options), fresh());

const json = ({ id }: { id?: string | number }, result: object) =>
  Response.json({ jsonrpc: '2.0', id, result });
const tools = (request: Received, hints: Parameters<typeof listResult>[0], more: object = {}) =>
  json(messageOf(request), listResult(hints, more));
const asked = () => behind.received.filter((request) => messageOf(request).method === 'tools/list').length;
const called = () => behind.received.filter((request) => messageOf(request).method === 'tools/call').length;

/** Moves the clock by seconds, and nothing that waits. */
function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
}

describe('a server is asked for its tools', () => {
  test.each(ERAS)('once, however many calls there are at the same moment, in the %s era', async (era) => {
    const caller = await open();
    const before = asked();
    const answers = await Promise.all(Array.from({ length: 10 }, () => caller.call('look', { era })));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(asked() - before).toBe(1);
    expect(called()).toBe(10);
    const asking = behind.received.find((request) => messageOf(request).method === 'tools/list');
    expect(asking?.headers.get('mcp-name')).toBeNull();
    expect(asking?.headers.get('mcp-method')).toBe(era === 'modern' ? 'tools/list' : null);
    expect(messageOf(asking ?? { text: '' }).params?._meta).toEqual(era === 'modern' ? META : undefined);
  });

  test('in headers that say what is asked, whatever the call’s own say', async () => {
    const inputSchema = { type: 'object', properties: { x: { type: 'string', 'x-mcp-header': 'x' } } };
    const look = { name: 'look', inputSchema, annotations: { readOnlyHint: true } };
    list = (request) => json(messageOf(request), { tools: [look] });
    const caller = await open();
    await caller.call('look', {
      params: { name: 'look', arguments: { x: '1' } },
      headers: { 'mcp-method': 'tools/call', 'mcp-name': 'look', 'mcp-param-x': '1' },
    });
    const [asking, call] = behind.received.slice(-2);
    for (const name of ['mcp-method', 'mcp-name', 'mcp-param-x'])
      expect(asking?.headers.has(name)).toBe(false);
    expect(call?.headers.get('mcp-param-x')).toBe('1');
  });

  test('again for each user: what one is shown says nothing about another', async () => {
    await (await open()).call('look');
    list = (request) => tools(request, {});
    const { body } = await (await open({ user: { name: 'Eve' } })).call('look');
    expect(body.error?.code).toBe(-32602);
  });

  test('again after a minute, and after as long as it said itself', async () => {
    const caller = await open();
    await caller.call('look');
    later(59);
    await caller.call('look');
    expect(asked()).toBe(1);
    later(2);
    list = (request) => tools(request, { look: { readOnlyHint: true } }, { ttlMs: 300_000 });
    await caller.call('look');
    expect(asked()).toBe(2);
    later(299);
    await caller.call('look');
    expect(asked()).toBe(2);
    later(2);
    list = (request) => tools(request, { look: { readOnlyHint: true } }, { ttlMs: 0 });
    await caller.call('look');
    await caller.call('look');
    // 0 is what the SDKs say for a server that said nothing.
    expect(asked()).toBe(3);
  });

  test('after ten minutes at most, however long it said', async () => {
    list = (request) => tools(request, { look: { readOnlyHint: true } }, { ttlMs: 1e12 });
    const caller = await open();
    await caller.call('look');
    later(601);
    await caller.call('look');
    expect(asked()).toBe(2);
  });

  test('at once when it says that they changed, in any stream', async () => {
    const caller = await open({ scope: ['mcp:read'] });
    expect((await caller.call('look')).status).toBe(200);
    list = (request) => tools(request, { look: undefined });
    expect((await caller.call('look')).status).toBe(200);
    await (await caller.fetch({ http: 'GET' })).text();
    expect((await caller.call('look')).status).toBe(403);
  });

  test('again for a name that is not among them, but no more often than every 2 s', async () => {
    const caller = await open();
    await caller.call('look');
    list = (request) => tools(request, { look: { readOnlyHint: true }, fresh: { readOnlyHint: true } });
    for (let i = 0; i < 5; i++) expect((await caller.call('fresh')).body.error?.code).toBe(-32602);
    expect(asked()).toBe(1);
    later(2.5);
    expect((await caller.call('fresh')).body.result).toBeDefined();
    for (let i = 0; i < 5; i++) await caller.call('never');
    expect(asked()).toBe(2);
  });

  test('page by page', async () => {
    list = (request, cursor) =>
      cursor === undefined
        ? tools(request, { first: { readOnlyHint: true } }, { nextCursor: 'p2' })
        : tools(request, cursor === 'p2' ? { look: { readOnlyHint: true } } : {});
    const caller = await open();
    expect((await caller.call('look')).body.result).toBeDefined();
    expect((await caller.call('first')).body.result).toBeDefined();
    expect(asked()).toBe(2);
  });

  test('by a stream of events, other messages apart', async () => {
    list = (request) => {
      const { id } = messageOf(request);
      const other = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: {} });
      const result = listResult({ look: { readOnlyHint: true } });
      const text = `: hi\r\n\r\ndata: ${other}\r\n\r\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\r\n\r\n`;
      return new Response(text, { headers: { 'content-type': 'text/event-stream' } });
    };
    expect((await (await open()).call('look')).body.result).toBeDefined();
  });

  test('again, when the request for the consent page was never answered', async () => {
    quiet = new Promise(() => {});
    const slow = gateBefore({ [fresh()]: { behind, setting: { timeout: 30 } } });
    const caller = new Caller(await connectTo(slow, fresh()), fresh());
    const { body } = await caller.call('look');
    expect(body.result).toBeDefined();
  }, 10_000);

  test('to the end, though the client that asked first has gone', async () => {
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let listing = () => {};
    const begun = new Promise<void>((resolve) => {
      listing = resolve;
    });
    list = async (request) => {
      listing();
      await held;
      return tools(request, { look: { readOnlyHint: true } });
    };
    const caller = await open();
    const gone = new AbortController();
    const first = caller.fetch({ method: 'tools/call', params: { name: 'look' }, signal: gone.signal });
    first.catch(() => undefined);
    await begun;
    const second = caller.call('look');
    gone.abort();
    answer();
    expect((await second).body.result).toBeDefined();
    expect(asked()).toBe(1);
    await first.catch(() => undefined);
  });
});

describe('a server whose tools nobody can tell is one where no call is let through', () => {
  const stream = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
  test.each<[string, string, () => Response | Promise<Response>]>([
    ['no list', 'not MCP', () => json({ id: 1 }, { tools: { look: {} } })],
    ['a list of nothing', 'not MCP', () => json({ id: 1 }, { tools: [null] })],
    ['an error', 'not MCP', () => Response.json({ jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } })],
    ['null', 'not MCP', () => Response.json(null)],
    ['a page', 'not MCP', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['500', 'failed', () => new Response('oops', { status: 500 })],
    ['an empty stream', 'not MCP', () => stream('')],
    [
      'a stream with another’s answer',
      'not MCP',
      () => stream('data: {"id":"other","result":{"tools":[]}}\n\n'),
    ],
    ['a list without end', 'not MCP', () => json({ id: 1 }, { tools: [{ name: 'x'.repeat(3000) }] })],
    ['401', 'credential', () => new Response(null, { status: 401 })],
    ['a redirect', 'redirect', () => Response.redirect('http://169.254.169.254/', 302)],
    ['silence', 'too long', () => new Promise<Response>(() => {})],
    [
      'half an answer',
      'too long',
      () => new Response(new ReadableStream(), { headers: { 'content-type': 'application/json' } }),
    ],
    [
      'a stream that goes quiet',
      'too long',
      () =>
        stream(': hi\n\n').status === 200
          ? new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
          : stream(''),
    ],
  ])('%s is said as the result of the call', async (_what, says, answer) => {
    const caller = await open();
    list = answer;
    const refused = await caller.call('look');
    expect([refused.status, refused.body.id, refused.body.result?.isError]).toEqual([200, 7, true]);
    const text = JSON.stringify(refused.body.result?.content);
    expect(text).toContain('“Fresh”');
    expect(text).toContain(says);
    // It was never sent.
    expect(text).not.toContain('taken effect');
    expect(called()).toBe(0);
    list = (request) => tools(request, { look: { readOnlyHint: true } });
    expect((await caller.call('look')).body.result).toBeDefined();
  });
});

test('pages that never end are followed for a while only', async () => {
  list = (request, cursor = '0') =>
    tools(request, { [`t${cursor}`]: undefined }, { nextCursor: `${Number(cursor) + 1}` });
  const caller = await open();
  expect((await caller.call('t99')).body.result).toBeDefined();
  expect(asked()).toBe(100);
});

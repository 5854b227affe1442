import { beforeAll, describe, expect, test } from 'vitest';
import {
  connectTo,
  gateBefore,
  listResult,
  messageOf,
  type Received,
  scripted,
} from '../../fixtures/mcp-server';
import { Caller, ERAS } from '../../fixtures/mcp-server-caller';

/* A server's own error, and what the gate says where there is none. */

let answer: (request: Received) => Response | Promise<Response>;
const behind = scripted((request) => {
  const { id, method } = messageOf(request);
  if (method === 'initialize') {
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 'x', version: '1' },
    };
    return Response.json({ jsonrpc: '2.0', id, result }, { headers: { 'mcp-session-id': 'mine' } });
  }
  if (method === 'tools/list') return Response.json({ jsonrpc: '2.0', id, result: listResult() });
  return answer(request);
});
const at = gateBefore({ one: { behind, setting: { title: 'The One', timeout: 1 } } });
const json = (text: string, status: number, headers: Record<string, string> = {}) =>
  new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } });

let caller: Caller;
let session: Record<string, string>;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one'), 'one');
  const begun = await caller.send({ method: 'initialize', params: { protocolVersion: '2025-11-25' } });
  session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
});

const MAYBE = 'The call may have taken effect: check that before you repeat it';
const calls = () => behind.received.filter((one) => messageOf(one).method === 'tools/call').length;

describe.each(ERAS)('the server’s own error is the answer, in the %s era', (era) => {
  const error = '{"code":-32602,"message":"city is unknown: Atlantis","data":{"n":12345678901234567890}}';
  const text = `{"jsonrpc":"2.0", "id":7,"error":${error}}`;

  test.each(['tools/call', 'resources/read', 'x/unknown'])('of %s, whatever the status', async (method) => {
    for (const status of [200, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503]) {
      answer = () => json(text, status, { 'retry-after': '7' });
      const before = calls();
      const params = method === 'resources/read' ? { uri: 'file:///a' } : { name: 'add', arguments: {} };
      const response = await caller.fetch({ era, method, params });
      expect([status, await response.text()]).toEqual([status, text]);
      // To the client 401 and 403 would be about its own credential.
      expect(response.status).toBe(status === 401 || status === 403 ? 200 : status);
      expect(response.headers.get('retry-after')).toBe('7');
      if (method === 'tools/call') expect(calls()).toBe(before + 1);
    }
  });

  test('by an event too', async () => {
    answer = () =>
      new Response(`event: message\ndata: ${text}\n\n`, {
        status: 409,
        headers: { 'content-type': 'text/event-stream' },
      });
    const { body } = await caller.call('add', { era });
    expect(body.error?.message).toBe('city is unknown: Atlantis');
  });

  test('in a session a 400 that answers this id is an answer', async () => {
    answer = () => json(text, 400);
    const response = await caller.fetch({
      method: 'tools/call',
      params: { name: 'add', arguments: {} },
      headers: session,
    });
    expect([response.status, await response.text()]).toEqual([400, text]);
  });
});

test.each([
  ['text', () => new Response('no such session', { status: 400 })],
  ['nothing', () => new Response(null, { status: 400 })],
  [
    'an error of no id',
    () => json('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}', 400),
  ],
  [
    'an error of another id',
    () => json('{"jsonrpc":"2.0","id":"7","error":{"code":-32000,"message":"no"}}', 400),
  ],
  ['an id twice', () => json('{"jsonrpc":"2.0","id":7,"id":7,"error":{"code":1,"message":"no"}}', 400)],
])('in a session a 400 of %s is one that is forgotten: the client begins again', async (_what, make) => {
  answer = make;
  for (const method of ['tools/call', 'resources/list']) {
    const sent = { method, params: { name: 'add', arguments: {} }, headers: session };
    const { status, body } = await caller.send(sent);
    expect([status, body.id, body.error?.code]).toEqual([404, 7, -32001]);
  }
});

describe.each(ERAS)(
  'where there is no error of its own, the gate says what happened, in the %s era',
  (era) => {
    const hang = () => scheduler.wait(2500).then(() => new Response());
    const broken = () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('{"jsonrpc":"2.0",')),
          pull: (controller) => controller.error(new Error('reset')),
        }),
        { headers: { 'content-type': 'application/json' } },
      );
    const page = (status: number) => () =>
      new Response('<html>10.0.0.7</html>', { status, headers: { 'content-type': 'text/html' } });

    test.each<[string, () => Response | Promise<Response>, string, number, boolean]>([
      [
        '401',
        () => json('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no"}}', 401),
        'refused the gate’s credential',
        502,
        false,
      ],
      ['403', page(403), 'refused the gate’s credential', 502, false],
      [
        '429',
        () => json('{"error":"slow down"}', 429, { 'retry-after': '7' }),
        'is busy. Try again in 7 seconds',
        503,
        false,
      ],
      ['429 without a time', page(429), 'is busy. Try again later', 503, false],
      [
        '503 with a time',
        () => json('{}', 503, { 'retry-after': '1' }),
        'is busy. Try again in 1 second',
        503,
        false,
      ],
      ['500', page(500), 'failed', 502, true],
      ['a page', page(200), 'gave an answer that is not MCP', 502, true],
      ['202', () => new Response(null, { status: 202 }), 'gave an answer that is not MCP', 502, true],
      ['a timeout', hang, 'took too long to answer', 504, true],
      ['half an answer', broken, 'broke its answer off', 502, true],
      [
        'a connection that breaks',
        () => Promise.reject(new Error('Network connection lost.')),
        'can’t be reached',
        502,
        true,
      ],
      [
        'a connection that never was',
        () => Promise.reject(new Error('connect ECONNREFUSED')),
        'can’t be reached',
        502,
        false,
      ],
    ])('%s', async (_what, make, says, status, maybe) => {
      answer = make;
      const text = `The server “The One” ${says}`;
      const before = calls();
      const kind = era === 'modern' ? { resultType: 'complete' } : {};
      const result = (words: string) => ({
        ...kind,
        content: [{ type: 'text', text: words }],
        isError: true,
      });
      const called = await caller.call('add', { era });
      expect([called.status, called.body]).toEqual([
        200,
        { jsonrpc: '2.0', id: 7, result: result(maybe ? `${text}. ${MAYBE}` : text) },
      ]);
      expect(called.headers.get('retry-after')).toBe(/in (\d+) second/.exec(says)?.[1] ?? null);
      // What only reads has no effect that could be repeated.
      expect((await caller.call('look', { era })).body.result).toEqual(result(text));
      expect(calls()).toBe(before + 2);
      const asked = await caller.send({ era, method: 'prompts/list' });
      expect([asked.status, asked.body]).toEqual([
        status,
        { jsonrpc: '2.0', id: 7, error: { code: -32603, message: text } },
      ]);
    });

    test.each([404, 405, 406, 418])(
      '%i of a call is no MCP, and of another method a rule of the transport',
      async (status) => {
        answer = page(status);
        const { body } = await caller.call('add', { era });
        expect(body.result?.content).toEqual([
          { type: 'text', text: 'The server “The One” gave an answer that is not MCP' },
        ]);
        expect((await caller.fetch({ era, method: 'prompts/list' })).status).toBe(status);
      },
    );
  },
);

import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Connected,
  connectTo,
  gateBefore,
  messageOf,
  realServer,
  scripted,
} from '../../fixtures/mcp-server';
import { bodyOf, Caller, ERAS } from '../../fixtures/mcp-server-caller';

const real = realServer();
const bytes = scripted(answerBytes);
const at = gateBefore({
  real: { behind: real },
  bytes: { behind: bytes, setting: { max_request_bytes: 2048 } },
});

let connected: Connected;
let caller: Caller;
let raw: Caller;
beforeAll(async () => {
  connected = await connectTo(at, 'real');
  caller = new Caller(connected, 'real');
  raw = new Caller(await connectTo(at, 'bytes'), 'bytes');
});

/** What the server said last, to compare with what came through. */
let said = '';
function answerBytes({ headers, method }: { headers: Headers; method: string }): Response {
  if (method === 'DELETE') return new Response('gone', { status: 200 });
  const accepted = headers.get('accept') ?? '';
  const type = accepted.includes(',') ? 'application/json' : accepted;
  return new Response(said, { headers: { 'content-type': type } });
}

describe.each(ERAS)('a real server, in the %s era', (era) => {
  test('lists and calls tools as if nothing stood before it', async () => {
    expect(await caller.tools({ era })).toEqual(['look', 'add', 'erase', 'mystery']);
    const { status, body } = await caller.call('add', {
      era,
      params: { name: 'add', arguments: { text: 'Grüße 👋' } },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 7, result: { content: [{ type: 'text', text: 'add: Grüße 👋' }] } });
  });

  test('is asked for resources', async () => {
    const { body } = await caller.send({ era, method: 'resources/read', params: { uri: 'file:///readme' } });
    expect(body.result).toMatchObject({ contents: [{ uri: 'file:///readme', text: 'Hello' }] });
  });

  test('says itself what it has no such thing of', async () => {
    const { body } = await caller.send({ era, method: 'resources/read', params: { uri: 'file:///none' } });
    expect(body.error?.message).toContain('file:///none');
    const { body: unknown } = await caller.send({ era, method: 'nonsense/method' });
    expect(unknown.error?.code).toBe(-32601);
  });
});

test('a handshake of sessions goes through', async () => {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  };
  const { body } = await caller.send({ method: 'initialize', params });
  expect(body.result).toMatchObject({ protocolVersion: '2025-11-25', serverInfo: { name: 'real' } });
});

test('discovery goes through', async () => {
  const { body } = await caller.send({ era: 'modern', method: 'server/discover' });
  expect(body.result).toMatchObject({ supportedVersions: ['2026-07-28'] });
});

describe('byte for byte', () => {
  const odd =
    '{ "jsonrpc" : "2.0",\r\n\t"id":7, "method":"logging/setLevel", "params":{"level":"caf\\u00e9 \u{1F600}"} }\n';

  test('a message reaches the server as the client wrote it', async () => {
    said = '{}';
    await raw.send({ body: odd });
    expect(bytes.received.at(-1)?.text).toBe(odd);
  });

  test.each([
    [
      'application/json',
      '{"jsonrpc":"2.0","id":7,"result":{"a":1.0,"b":1e3,"tools" : [ "not a list\\u0021" ]}}\n',
    ],
    ['application/json; charset=utf-8', '{ }'],
    [
      'text/event-stream',
      ': hi\n\nid: 1\r\nretry: 5\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:x\rdata\r\rdata: rest',
    ],
  ])('an answer of %s reaches the client as the server wrote it', async (accept, text) => {
    said = text;
    const response = await raw.fetch({ headers: { accept } });
    expect(response.headers.get('content-type')).toBe(accept.split(';')[0]);
    // The line of the gate's own is part of the first event.
    const retry = accept === 'text/event-stream' ? 'retry: 3000\n' : '';
    expect(await response.text()).toBe(retry + text);
  });

  test('a result of any size passes', async () => {
    said = `data: {"jsonrpc":"2.0","id":7,"result":"${'x'.repeat(3_000_000)}"}\n\n`;
    const response = await raw.fetch({ headers: { accept: 'text/event-stream' } });
    expect(await response.text()).toBe(`retry: 3000\n${said}`);
  });
});

describe('before anything is forwarded', () => {
  test.each<[string, string, number, number]>([
    ['text that is no JSON', '{"jsonrpc":', 400, -32700],
    ['nothing', '', 400, -32700],
    ['a control character', '\u0000', 400, -32700],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600],
    ['an empty batch', '[]', 400, -32600],
    ['a number', '7', 400, -32600],
    ['null', 'null', 400, -32600],
    ['an object of something else', '{"hello":1}', 400, -32600],
    ['a member twice', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', 400, -32600],
    ['too much', `"${'x'.repeat(2048)}"`, 413, -32600],
  ])('%s is refused with a JSON-RPC error', async (_what, body, status, code) => {
    const before = bytes.received.length;
    const answer = await raw.send({ body });
    expect([answer.status, answer.body.error?.code]).toEqual([status, code]);
    expect(answer.body.id).toBeNull();
    expect(bytes.received.length).toBe(before);
  });

  test('bytes that are no UTF-8 are refused: who reads them otherwise would read another message', async () => {
    const before = bytes.received.length;
    const ping = new TextEncoder().encode(bodyOf({ method: 'ping', params: { text: '?' } }));
    const body = ping.map((byte) => (byte === '?'.charCodeAt(0) ? 0xff : byte));
    const answer = await raw.send({ body });
    expect([answer.status, answer.body.error?.code]).toEqual([400, -32700]);
    expect(bytes.received.length).toBe(before);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'a body that says it is %j is 415',
    async (type) => {
      const before = bytes.received.length;
      const body = new TextEncoder().encode(bodyOf({}));
      expect((await raw.send({ body, headers: { 'content-type': type } })).status).toBe(415);
      expect(bytes.received.length).toBe(before);
    },
  );

  test.each(['PUT', 'PATCH', 'QUERY'])('%s is 405', async (http) => {
    const { status, headers } = await raw.send({ http });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, POST, DELETE']);
  });

  test.each(['GET', 'DELETE'])('%s of a stateless client is 405: there is no session', async (http) => {
    const before = bytes.received.length;
    expect((await raw.send({ http, era: 'modern' })).status).toBe(405);
    expect(bytes.received.length).toBe(before);
  });
});

describe('a client of sessions', () => {
  test('gets 202 for a notification, and for an answer to a request of the server', async () => {
    const notification = await caller.fetch({ method: 'notifications/initialized', id: null });
    expect([notification.status, await notification.text()]).toEqual([202, '']);
    const answer = await caller.fetch({ body: '{"jsonrpc":"2.0","id":"s1","result":{}}' });
    expect(answer.status).toBe(202);
  });

  test('gets 405 where the server has no stream', async () => {
    expect((await caller.fetch({ http: 'GET', headers: { accept: 'text/event-stream' } })).status).toBe(405);
  });

  test('gets 204 when it ends its session, however the server says so', async () => {
    const response = await raw.fetch({ http: 'DELETE' });
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  test('without a version is one of sessions', async () => {
    const response = await raw.fetch({ http: 'DELETE', headers: { 'mcp-protocol-version': '' } });
    expect(response.status).toBe(204);
  });
});

test('a message that asks nothing about tools costs the server no other request', async () => {
  said = '{}';
  const before = bytes.received.length;
  await raw.send({ body: bodyOf({ method: 'resources/list' }) });
  expect(bytes.received.slice(before).map((one) => messageOf(one).method)).toEqual(['resources/list']);
});

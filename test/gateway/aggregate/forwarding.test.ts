import { beforeAll, describe, expect, test } from 'vitest';
import { memberText } from '../../../src/json-members';
import { connectWith, gateBefore, messageOf, type Received, scripted } from '../../fixtures/mcp-server';
import { connectMerged, deploy, InSession } from '../../fixtures/mcp-session';
import type { Gate } from '../../fixtures/worker';

/*
 * What is sent to a server through `/mcp`, and what comes back, are the bytes that both sides wrote; one odd thing
 * costs only itself.
 */

const SCHEMA = '{"type":"object","properties":{"n":{"maximum":9223372036854775807,"minimum":-0}}}';
const OWN_TOOLS = [
  `{"name":"buy","inputSchema":${SCHEMA}}`,
  `{"name":"look","annotations":{"readOnlyHint":true},"inputSchema":${SCHEMA}}`,
];
let tools = OWN_TOOLS;
let more = '';
let answerCall: (request: Received) => Response = result('{"content":[]}');
let discovery: (request: Received) => Response = notFound;
let begins: (request: Received) => Response = initialized;

const shop = scripted((request) => {
  const { id, method } = messageOf(request);
  if (request.method !== 'POST') return new Response(null, { status: 405 });
  if (method === 'server/discover') return discovery(request);
  if (method === 'initialize') return begins(request);
  if (id === undefined) return new Response(null, { status: 202 });
  if (method === 'tools/list') return result(`{"tools":[${tools.join(',')}]${more}}`)(request);
  return answerCall(request);
});

function result(text: string) {
  return (request: Received) =>
    new Response(`{"jsonrpc":"2.0","id":${JSON.stringify(messageOf(request).id)},"result":${text}}`, {
      headers: { 'content-type': 'application/json' },
    });
}
function error(status: number, text: string) {
  return (request: Received) =>
    new Response(`{"jsonrpc":"2.0","id":${JSON.stringify(messageOf(request).id)},"error":${text}}`, {
      status,
      headers: { 'content-type': 'application/json' },
    });
}
function notFound(request: Received): Response {
  return error(200, '{"code":-32601,"message":"Method not found"}')(request);
}
function initialized(request: Received): Response {
  const { params } = messageOf(request);
  const version = JSON.stringify(params?.protocolVersion);
  const info = '{"name":"shop","version":"1"}';
  return result(`{"protocolVersion":${version},"capabilities":{"tools":{}},"serverInfo":${info}}`)(request);
}
function onCall(answer: (request: Received) => Response): void {
  answerCall = answer;
}

const at = deploy({ shop: { behind: shop } });
let token: string;
let session: InSession;
beforeAll(async () => {
  const connected = await connectMerged(at, ['shop']);
  token = connected.tokens.access_token;
  session = await InSession.begin(connected);
});

/** The text of the answer to a call, without a session and in one. */
async function send(method: string, params: string, where: 'alone' | 'session'): Promise<string> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
    ...(where === 'session' ? { 'mcp-session-id': session.id } : {}),
  };
  const body = `{"jsonrpc":"2.0","id":7,"method":"${method}","params":${params}}`;
  const response = await (at as Gate).fetch('/mcp', { method: 'POST', headers, body });
  const text = await response.text();
  const events = text.split('\n').filter((line) => line.startsWith('data: {'));
  return events.at(-1)?.slice('data: '.length) ?? text;
}

function calls(): Received[] {
  return shop.received.filter((one) => messageOf(one).method === 'tools/call');
}

describe.each(['alone', 'session'] as const)('at /mcp, %s', (where) => {
  test.each([
    '{"order":1234567890123456789}',
    '{"a":-0,"b":1.0,"c":1e400,"d":0.1000}',
    '{"10":1,"9":2,"b":{"2":0,"1":0}}',
    '{"text":"\\u00e9\\/é"}',
  ])('arguments %s arrive as they were sent', async (args) => {
    onCall(result('{"content":[]}'));
    await send('tools/call', `{"name":"shop_buy","arguments":${args}}`, where);
    expect(memberText(calls().at(-1)?.text ?? '', 'params', 'arguments')).toBe(args);
    expect(memberText(calls().at(-1)?.text ?? '', 'params', 'name')).toBe('"buy"');
  });

  test.each([
    '{"content":[],"structuredContent":{"n":9007199254740993}}',
    '{"structuredContent":{"2":1,"1":-0},"content":[{"type":"text","text":"\\u00e9"}]}',
    '{"content":[{"type":"hologram","beam":1.0}],"unknown":{"a":1e400}}',
  ])('a result %s comes back as it was written', async (text) => {
    onCall(result(text));
    const answer = await send('tools/call', '{"name":"shop_buy","arguments":{}}', where);
    expect(memberText(answer, 'result')).toBe(text);
    expect(memberText(answer, 'id')).toBe('7');
  });

  test('a list keeps its numbers', async () => {
    const answer = await send('tools/list', '{}', where);
    expect(answer).toContain('"maximum":9223372036854775807,"minimum":-0');
    expect(answer).toContain('"name":"shop_buy"');
  });

  test.each([
    [400, '{"code":-32602,"message":"city is unknown: Atlantis","data":{"n":12345678901234567}}'],
    [409, '{"code":-32602,"message":"city is unknown: Atlantis"}'],
    [403, '{"code":-32001,"message":"not for you"}'],
    [200, '{"code":1,"message":"no"}'],
  ])('an error with status %i is the answer, and the call is sent once', async (status, text) => {
    onCall(error(status, text));
    const before = calls().length;
    const answer = await send('tools/call', '{"name":"shop_buy","arguments":{}}', where);
    expect(JSON.parse(answer).error).toEqual(JSON.parse(text));
    expect(calls()).toHaveLength(before + 1);
  });

  test.each([
    [429, { 'retry-after': '7' }, /busy.*7 seconds/],
    [500, {}, /failed/],
    [401, {}, /refused/],
  ])(
    'status %i without an error has words of its own, as a result that the model reads',
    async (status, headers, says) => {
      onCall(() => new Response('no', { status, headers }));
      const answer = JSON.parse(await send('tools/call', '{"name":"shop_buy","arguments":{}}', where));
      expect(answer.result).toMatchObject({
        isError: true,
        content: [{ text: expect.stringMatching(says) }],
      });
    },
  );
});

describe('one odd thing costs only itself', () => {
  test.each([
    ['a schema that is no object', '{"name":"odd","inputSchema":{"anyOf":[{"type":"object"}]}}'],
    ['no schema', '{"name":"odd"}'],
    ['a number for a title', `{"name":"odd","title":7,"inputSchema":${SCHEMA}}`],
    ['no name', `{"title":"odd","inputSchema":${SCHEMA}}`],
  ])('%s', async (_, odd) => {
    tools = [odd, ...OWN_TOOLS];
    more = ',"nextCursor":null';
    const gate = gateBefore({ shop: { behind: shop } });
    const { tokens } = await connectWith(gate, `${gate.origin}/mcp`, ['shop']);
    token = tokens.access_token;
    const listed = JSON.parse(await send('tools/list', '{}', 'alone')) as {
      result: { tools: { name: string }[] };
    };
    expect(listed.result.tools.map(({ name }) => name)).toEqual(['whoami', 'shop_buy', 'shop_look']);
    tools = OWN_TOOLS;
    more = '';
  });

  test('members that are null count as absent', async () => {
    tools = [`{"name":"buy","title":null,"description":null,"annotations":null,"inputSchema":${SCHEMA}}`];
    const { tokens } = await connectWith(at, `${at.origin}/mcp`, ['shop']);
    token = tokens.access_token;
    const answer = await send('tools/list', '{}', 'alone');
    expect(answer).toContain(
      `{"annotations":{"readOnlyHint":false,"destructiveHint":true},"name":"shop_buy"`,
    );
    expect(answer.slice(answer.indexOf('shop_buy'))).not.toContain('null');
    tools = OWN_TOOLS;
  });
});

describe('a server of 2025 is found out, however it says so', () => {
  test.each([
    [
      'an error without an id',
      () => Response.json({ jsonrpc: '2.0', id: null, error: { code: -1, message: 'no' } }),
    ],
    ['202', () => new Response(null, { status: 202 })],
    ['HTML', () => new Response('<p>', { headers: { 'content-type': 'text/html' } })],
    ['500', () => new Response('no', { status: 500 })],
    ['404', () => new Response('no', { status: 404 })],
    ['nothing', () => new Promise<Response>(() => undefined) as unknown as Response],
  ])('server/discover answered with %s', async (_, answered) => {
    discovery = answered;
    onCall(result('{"content":[{"type":"text","text":"here"}]}'));
    const { tokens } = await connectWith(at, `${at.origin}/mcp`, ['shop']);
    token = tokens.access_token;
    expect(await send('tools/call', '{"name":"shop_buy","arguments":{}}', 'alone')).toContain('here');
    discovery = notFound;
  });

  test('initialize above 2025-06-18 is refused', async () => {
    begins = (request) =>
      messageOf(request).params?.protocolVersion === '2025-06-18'
        ? initialized(request)
        : new Response('unknown version', { status: 400 });
    onCall(result('{"content":[{"type":"text","text":"older"}]}'));
    const { tokens } = await connectWith(at, `${at.origin}/mcp`, ['shop']);
    token = tokens.access_token;
    expect(await send('tools/call', '{"name":"shop_buy","arguments":{}}', 'alone')).toContain('older');
    begins = initialized;
  });
});

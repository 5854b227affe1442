import { beforeAll, describe, expect, test } from 'vitest';
import { connectTo, gateBefore, listResult, type Received, scripted } from '../fixtures/mcp-server';
import { Caller, ERAS, type Sent } from '../fixtures/mcp-server-caller';

/* That nobody sees a tool that isn't for them, however a server words its answer, and wherever it comes. */

let answer: (request: Received) => Response | Promise<Response>;
let ready = false;
const behind = scripted((request) => (ready ? answer(request) : new Response(null, { status: 400 })));
const setting = { title: 'The One', max_list_bytes: 100_000, tools: [{ match: 'secret', access: 'hidden' }] };
const at = gateBefore({ one: { behind, setting } });

let caller: Caller;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one', { scope: ['mcp:read'] }), 'one');
  ready = true;
});

const RESULT = listResult({ look: { readOnlyHint: true }, secret: undefined });
const LIST = JSON.stringify(RESULT);
const listOf = (id: unknown = 7) => JSON.stringify({ jsonrpc: '2.0', id, result: RESULT });

type Body = string | Uint8Array | ReadableStream<Uint8Array>;
const json = (body: Body, headers: Record<string, string> = {}, status = 200) =>
  new Response(body as BodyInit, { status, headers: { 'content-type': 'application/json', ...headers } });
const events = (body: Body, headers: Record<string, string> = {}, status = 200) =>
  json(body, { 'content-type': 'text/event-stream', ...headers }, status);

async function textOf(sent: Sent): Promise<{ status: number; text: string; broken: boolean }> {
  const response = await caller.fetch(sent);
  let text = '';
  try {
    for await (const chunk of response.body ?? []) text += new TextDecoder().decode(chunk);
  } catch {
    return { status: response.status, text, broken: true };
  }
  return { status: response.status, text, broken: false };
}

const REQUESTS: [string, Sent][] = [
  ['tools/list', { method: 'tools/list' }],
  ['another request', { method: 'prompts/list' }],
  ['a call', { method: 'tools/call', params: { name: 'look' } }],
  ['a stream of its own', { http: 'GET', headers: { accept: 'text/event-stream' } }],
];

/** Answers with this, but tells the gate itself what there is. */
function answering(make: () => Response): void {
  answer = ({ text }) => (text.includes('gatehouse-tools') ? json(listOf('gatehouse-tools-0')) : make());
}

const utf16 = (text: string) => Uint8Array.from([...text].flatMap((char) => [char.charCodeAt(0), 0]));
const utf8 = (text: string) => new TextEncoder().encode(text);
const SAME_TWICE = `{"jsonrpc":"2.0","id":7,"result":${LIST},"result":{"tools":[]}}`;
const REVERSED = `{"jsonrpc":"2.0","id":7,"result":{"tools":[]},"result":${LIST}}`;

/** Lists that one reader or other makes out, and the gate can't be sure of. */
const UNSURE: [string, string][] = [
  ['an array of answers', `[${listOf()}]`],
  ['an array of arrays', `[[${listOf()}]]`],
  ['a result twice', SAME_TWICE],
  ['a result twice, the other way round', REVERSED],
  ['tools twice', `{"jsonrpc":"2.0","id":7,"result":{"tools":${JSON.stringify(RESULT.tools)},"tools":[]}}`],
  ['tools in another case', `{"jsonrpc":"2.0","id":7,"result":${LIST.replace('tools', 'Tools')}}`],
  ['a result in another case', `{"jsonrpc":"2.0","id":7,"RESULT":${LIST}}`],
  ['a result with a long s', `{"jsonrpc":"2.0","id":7,"reſult":${LIST}}`],
  ['a result in a result', `{"jsonrpc":"2.0","id":7,"result":{"result":${LIST}}}`],
  ['a result in a result, and tools', `{"jsonrpc":"2.0","id":7,"result":{"tools":[],"result":${LIST}}}`],
  ['tools by name', `{"jsonrpc":"2.0","id":7,"result":{"tools":{"secret":{"name":"secret"}}}}`],
  ['tools in arrays', `{"jsonrpc":"2.0","id":7,"result":{"tools":[${JSON.stringify(RESULT.tools)}]}}`],
  ['two messages', `{}${listOf()}`],
  ['a comment', `{/*"*/"id":7,"result":${LIST}}`],
  ['single quotes', listOf().replaceAll('"', "'")],
  ['a byte order mark', `\uFEFF${listOf()}`],
  ['a no-break space', `\u00a0${listOf()}`],
  ['NUL', `\u0000${listOf()}`],
  ['a comma too many', `{"id":7,"result":${LIST},}`],
  [
    'too deep',
    `{"id":7,"result":{"a":${'['.repeat(200)}${']'.repeat(200)},"tools":${JSON.stringify(RESULT.tools)}}}`,
  ],
];

describe.each(REQUESTS)('a list that can’t be understood isn’t shown on %s', (_where, sent) => {
  test.each(UNSURE)('as JSON: %s', async (_what, text) => {
    answering(() => json(text));
    const got = await textOf(sent);
    expect(got.text).not.toContain('secret');
    const says = 'The server “The One” gave an answer that is not MCP';
    const message = JSON.parse(got.text);
    if (sent.method === 'tools/call') {
      expect([got.status, message.result]).toEqual([
        200,
        { content: [{ type: 'text', text: says }], isError: true },
      ]);
    } else expect([got.status, message.error]).toEqual([502, { code: -32603, message: says }]);
  });

  test.each(UNSURE)('as an event: %s', async (_what, text) => {
    for (const data of [
      `data: ${text}\n\n`,
      `event: message\ndata:${text}\r\n\r\n`,
      `: hi\ndata\ndata: ${text}\n\n`,
    ]) {
      answering(() => events(data));
      const got = await textOf(sent);
      expect(got.text).not.toContain('secret');
      const isCall = sent.method === 'tools/call';
      if (isCall) expect(got.text).toMatch(/"id":7,"result":\{"content".*"isError":true/);
      else if (sent.http !== 'GET') expect(got.text).toMatch(/"id":7,"error":\{"code":-32603/);
    }
  });

  test.each<[string, () => Response]>([
    [
      'UTF-16 that says so',
      () => json(utf16(listOf()), { 'content-type': 'application/json; charset=utf-16' }),
    ],
    ['UTF-16 that doesn’t', () => json(utf16(listOf()))],
    ['UTF-7 that says so', () => json(listOf(), { 'content-type': 'application/json; charset=utf-7' })],
    ['a coding that nobody undoes', () => json(listOf(), { 'content-encoding': 'deflate' })],
    ['two codings', () => json(listOf(), { 'content-encoding': 'gzip, gzip' })],
    ['gzip', () => json(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3))],
    ['text', () => json(listOf(), { 'content-type': 'text/plain' })],
    ['HTML', () => json(listOf(), { 'content-type': 'text/html' })],
    ['JSON of another kind', () => json(listOf(), { 'content-type': 'application/vnd.mcp+json' })],
    ['several types', () => json(listOf(), { 'content-type': 'text/html, application/json' })],
    ['no type', () => new Response(utf8(listOf()))],
    [
      'events in UTF-16',
      () => events(`data: ${listOf()}\n\n`, { 'content-type': 'text/event-stream; charset=utf-16' }),
    ],
    ['events with a coding', () => events(`data: ${listOf()}\n\n`, { 'content-encoding': 'zstd' })],
  ])('in no way of writing: %s', async (_what, make) => {
    answering(make);
    const got = await textOf(sent);
    expect(got.text).not.toContain('secret');
    expect([502, 200]).toContain(got.status);
    expect(got.text).toContain('gave an answer that is not MCP');
  });
});

describe.each(REQUESTS)('a list is filtered on %s', (where, sent) => {
  const pretty = JSON.stringify(JSON.parse(listOf()), null, 1).split('\n');
  test.each<[string, () => Response]>([
    ['JSON', () => json(listOf())],
    ['JSON with a charset', () => json(listOf(), { 'content-type': 'Application/JSON; charset="UTF-8"' })],
    ['an error’s status', () => json(listOf(), {}, 500)],
    ['another id', () => json(listOf('another'))],
    ['an id of another type', () => json(listOf('7'))],
    ['no id', () => json(`{"result":${LIST}}`)],
    ['an error beside it', () => json(`{"id":7,"error":{"code":1,"message":""},"result":${LIST}}`)],
    ['a method beside it', () => json(`{"id":7,"method":"x","result":${LIST}}`)],
    [
      'names escaped',
      () => json(listOf().replaceAll('tools', '\\u0074ools').replaceAll('secret', 's\\u0065cret')),
    ],
    ['an event', () => events(`data: ${listOf()}\n\n`)],
    ['an event after others', () => events(`: hi\n\ndata: {"method":"x"}\n\nid: 3\ndata: ${listOf()}\n\n`)],
    ['an event of another name', () => events(`event: other\ndata: ${listOf()}\n\n`)],
    ['several lines', () => events(`${pretty.map((line) => `data: ${line}`).join('\r')}\r\r`)],
    ['a byte order mark before the stream', () => events(`\uFEFFdata: ${listOf()}\n\n`)],
    ['an error’s status, as an event', () => events(`data: ${listOf()}\n\n`, {}, 500)],
    ['an event that never ends', () => events(`data: ${listOf()}\n`)],
    ['an event that never ends, nor its line', () => events(`data: ${listOf()}`)],
    ['an event behind one without data', () => events(`id: 1\ndata: \n\ndata: ${listOf()}\n\n`)],
    ['in pieces', () => events(inPieces(`data: ${listOf()}\n\n`))],
    ['JSON in pieces', () => json(inPieces(listOf()))],
  ])('%s', async (what, make) => {
    answering(make);
    const got = await textOf(sent);
    expect(got.text).not.toContain('secret');
    expect(got.broken).toBe(false);
    if (!what.includes('never ends')) expect(got.text).toMatch(/"name": ?"look"/);
    if (where === 'tools/list') expect(got.status).toBe(what.includes('status') ? 500 : 200);
  });
});

function inPieces(text: string): ReadableStream<Uint8Array> {
  const bytes = utf8(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, ++at));
    },
  });
}

describe('an answer that is too long to be held', () => {
  const filler = 'x'.repeat(200_000);
  const late = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"${filler}"}],"tools":${JSON.stringify(RESULT.tools)}}}`;
  const early = `{"jsonrpc":"2.0","id":7,"result":{"tools":${JSON.stringify(RESULT.tools)},"content":"${filler}"}}`;

  test.each<[string, () => Response]>([
    ['JSON with a list at its end', () => json(inParts(late))],
    ['JSON with a list at its beginning', () => json(inParts(early))],
    ['an event with a list at its end', () => events(inParts(`data: ${late}\n\n`))],
    ['an event with a list at its beginning', () => events(inParts(`data: ${early}\n\n`))],
    ['an event in lines', () => events(inParts(`data: ${late.replaceAll(',"', ',\ndata: "')}\n\n`))],
  ])('is broken off before a list in it is whole: %s', async (_what, make) => {
    answering(make);
    const got = await textOf({ method: 'tools/call', params: { name: 'look' } });
    expect(got.broken || got.text.includes('is not MCP')).toBe(true);
    if (!got.broken) return expect(got.text).not.toContain('tools');
    expect(got.text).not.toMatch(/\]\}\}|\n\n$/);
    expect(() => JSON.parse(got.text.replace(/^data: /, '')).result.tools).toThrow();
  });

  test.each(['json', 'events'])('passes as it is when there is none: %s', async (kind) => {
    const result = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"${filler}\\"tools\\":[]"}]}}`;
    answering(() => (kind === 'json' ? json(inParts(result)) : events(inParts(`data: ${result}\n\n`))));
    const got = await textOf({ method: 'tools/call', params: { name: 'look' } });
    expect([got.status, got.broken, got.text]).toEqual([
      200,
      false,
      kind === 'json' ? result : `retry: 3000\ndata: ${result}\n\n`,
    ]);
  });
});

function inParts(text: string): ReadableStream<Uint8Array> {
  const bytes = utf8(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + 10_000));
      at += 10_000;
    },
  });
}

describe.each(ERAS)('in a list, in the %s era', (era) => {
  const inputSchema = { type: 'object' };
  const LOOK = { name: 'look', inputSchema, annotations: { readOnlyHint: true } };

  test('a tool that can’t be understood is left out alone', async () => {
    const odd = [
      null,
      'look',
      [],
      {},
      { name: null },
      { name: '' },
      { name: { toString: 1 } },
      { name: 'x'.repeat(1_025) },
      { name: 'titled', title: { toString: 1 } },
      { name: 'hinted', annotations: 'readOnly' },
      { name: 'hinted', annotations: [] },
      { name: 'no schema' },
      { name: 'any', inputSchema: { anyOf: [{ type: 'object' }] } },
      { name: 'a text', inputSchema: 'object' },
    ];
    answering(() =>
      json(JSON.stringify({ jsonrpc: '2.0', id: 7, result: { tools: [...odd, LOOK, ...odd] } })),
    );
    expect(await caller.tools({ era })).toEqual(['look']);
  });

  test('two tools of one name are what the worst of them could be', async () => {
    const erase = { name: 'look', inputSchema, annotations: { destructiveHint: true } };
    const text = (id: string | number) =>
      JSON.stringify({ jsonrpc: '2.0', id, result: { tools: [erase, LOOK] } });
    answer = ({ text: asked }) => json(text(asked.includes('gatehouse-tools') ? 'gatehouse-tools-0' : 7));
    const { body } = await caller.send({ era, method: 'tools/list' });
    const hints = { readOnlyHint: false, destructiveHint: true };
    expect(body.result?.tools).toEqual([
      { name: 'look', inputSchema, annotations: hints },
      { name: 'look', inputSchema, annotations: hints },
    ]);
  });

  test('null counts as absent', async () => {
    const tool = { ...LOOK, title: null, description: null, _meta: null };
    const other = { name: 'other', inputSchema, annotations: null };
    const result = { tools: [tool, other], nextCursor: null };
    answering(() => json(JSON.stringify({ jsonrpc: '2.0', id: 7, error: null, result })));
    const { body } = await caller.send({ era, method: 'tools/list' });
    expect(body.result?.tools).toEqual([
      { name: 'look', inputSchema, annotations: { readOnlyHint: true, destructiveHint: false } },
      { name: 'other', inputSchema, annotations: { readOnlyHint: false, destructiveHint: true } },
    ]);
  });

  test('that is empty, nothing is wrong', async () => {
    answering(() => json('{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}'));
    expect((await caller.send({ era, method: 'tools/list' })).body.result).toEqual({ tools: [] });
  });
});

test('an event without data, by which a client comes back to its list, is passed on', async () => {
  answering(() => events(`id: 1\nretry: 5\ndata: \n\ndata: ${listOf()}\n\n`));
  const { text } = await textOf({ method: 'tools/list' });
  expect(text).toMatch(/^retry: 3000\nid: 1\nretry: 5\ndata: \n\ndata: \{/);
});

describe('what isn’t a list', () => {
  test.each([
    '{}',
    '{"jsonrpc":"2.0","id":7,"result":{}}',
    '{"jsonrpc":"2.0","id":7,"result":{"resultType":"task","taskId":"t"}}',
    '{"jsonrpc":"2.0","id":7,"result":null}',
    '{"jsonrpc":"2.0","id":7,"result":"tools"}',
    '{"jsonrpc":"2.0","id":7,"error":"no"}',
    '7',
    'null',
    '"tools"',
    '',
    '<html>',
  ])('is no answer to who asked for one: %s', async (text) => {
    answering(() => json(text));
    const { status, body } = await caller.send({ method: 'tools/list' });
    expect([status, body.id, body.error?.code]).toEqual([502, 7, -32603]);
    if (text === '') return;
    answering(() => events(`data: ${text}\n\n`));
    expect((await caller.send({ method: 'tools/list' })).body.error?.code).toBe(-32603);
  });

  test.each([
    '{"jsonrpc":"2.0","id":7,"result":{"content":[],"tools":["hammer"]}}',
    '{"jsonrpc":"2.0","id":7,"result":{"structuredContent":{"result":{"tools":[{"name":"secret"}]}}}}',
    '{"jsonrpc":"2.0","id":7,"result":{"content":[],"tools":null,"n":12345678901234567890}}',
    '{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"tools","data":{"tools":[{"name":"secret"}]}}}',
    '{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"tools":[{"name":"secret"}]}}',
  ])('passes to who asked for something else, to the byte: %s', async (text) => {
    answering(() => json(text));
    expect((await textOf({ method: 'prompts/list' })).text).toBe(text);
    answering(() => events(`data: ${text}\n\n`));
    const streamed = (await textOf({ method: 'prompts/list' })).text;
    expect(streamed.startsWith(`retry: 3000\ndata: ${text}\n\n`)).toBe(true);
  });
});

test('the answer carries the gate’s own media type', async () => {
  for (const [said, own] of [
    ['Application/JSON;charset=UTF-8', 'application/json'],
    ['application/json; profile="x"', 'application/json'],
  ] as const) {
    answering(() => json('{"jsonrpc":"2.0","id":7,"result":{}}', { 'content-type': said }));
    expect((await caller.fetch({ method: 'ping' })).headers.get('content-type')).toBe(own);
  }
  answering(() => events(': hi\n\n', { 'content-type': 'Text/Event-Stream; charset=utf-8' }));
  expect((await caller.fetch({ method: 'ping' })).headers.get('content-type')).toBe('text/event-stream');
});

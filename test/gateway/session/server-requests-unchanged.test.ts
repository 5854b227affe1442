import { beforeAll, describe, expect, test } from 'vitest';
import { messageOf, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { connectMerged, deploy, eventually, InSession, textOf } from '../../fixtures/mcp-session';

/* What a server asks and tells in the middle of a call reaches the client as it is, and so do the answers. */

const _meta = { 'example.com/x': { deep: [0, ''] } };
type Json = Record<string, unknown>;

/** What the next call says before it is answered: requests have an id. */
let says: Json[] = [];
const answers: Json[] = [];
const encoder = new TextEncoder();

const raw = scripted((received) => {
  const message = messageOf(received) as Json & ReturnType<typeof messageOf>;
  const { id, method } = message;
  if (id !== undefined && method === undefined) answers.push(message);
  if (method === undefined || id === undefined)
    return new Response(null, { status: received.method === 'POST' ? 202 : 405 });
  const annotations = { readOnlyHint: true };
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
      serverInfo: { name: 'raw', version: '1' },
    },
    'tools/list': {
      tools: ['go', 'big'].map((name) => ({ name, inputSchema: { type: 'object' }, annotations })),
    },
    'tools/call': {
      content: [{ type: 'text', text: message.params?.name === 'big' ? 'é'.repeat(2_500_000) : 'done' }],
    },
  };
  const result = results[method] ?? {};
  if (method !== 'tools/call') return Response.json({ jsonrpc: '2.0', id, result });
  const { progressToken } = (message.params?._meta ?? {}) as Json;
  const told = says.map((one) =>
    one.method === 'notifications/progress'
      ? { ...one, params: { progressToken, ...(one.params as Json) } }
      : one,
  );
  const before = answers.length;
  const asked = told.filter((one) => 'id' in one).length;
  const events = (list: object[]) =>
    encoder.encode(list.map((one) => `event: message\ndata: ${JSON.stringify(one)}\n\n`).join(''));
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(events(told)),
    async pull(controller) {
      await eventually(
        () =>
          answers.length >= before + asked || told.some(({ method }) => method === 'notifications/cancelled'),
      );
      controller.enqueue(events([{ jsonrpc: '2.0', id, result }]));
      controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
});

const gate = deploy({ raw: { behind: raw } });
let connected: Awaited<ReturnType<typeof connectMerged>>;
let session: InSession;
beforeAll(async () => {
  connected = await connectMerged(gate, ['raw'], { user: { name: 'Question A' } });
  session = await InSession.begin(connected, {
    sampling: { tools: {}, context: {} },
    elicitation: { form: {}, url: {} },
    roots: { listChanged: true },
  });
});

const tools = [
  {
    name: 't',
    description: 'd',
    inputSchema: { type: 'object', properties: { a: { type: 'string' } } },
    _meta,
  },
];
const properties = {
  a: {
    type: 'string',
    title: 'A',
    description: 'd',
    minLength: 1,
    maxLength: 9,
    format: 'email',
    default: 'x@y.z',
  },
  b: { type: 'integer', minimum: 1, maximum: 3, default: 2 },
  c: { type: 'boolean', default: false },
  d: { type: 'string', enum: ['p', 'q'], enumNames: ['P', 'Q'], default: 'q' },
  e: { type: 'string', oneOf: [{ const: 'p', title: 'P' }] },
  f: { type: 'array', items: { type: 'string', enum: ['p', 'q'] }, minItems: 1, maxItems: 2, default: ['p'] },
  g: { type: 'array', items: { anyOf: [{ const: 'p', title: 'P' }] } },
};
const form = {
  mode: 'form',
  message: 'Wörd?',
  requestedSchema: { type: 'object', properties, required: ['a'] },
  _meta,
};
const sampling = {
  messages: [
    { role: 'user', content: { type: 'text', text: 'x', annotations: { priority: 1 }, _meta }, _meta },
    { role: 'assistant', content: [{ type: 'tool_use', id: '1', name: 't', input: { a: 'x' }, _meta }] },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          toolUseId: '1',
          content: [{ type: 'text', text: 'r' }],
          isError: false,
          structuredContent: { a: 1 },
          _meta,
        },
      ],
    },
  ],
  modelPreferences: { hints: [{ name: 'm' }], costPriority: 0, speedPriority: 1, intelligencePriority: 0.5 },
  systemPrompt: 's',
  includeContext: 'none',
  temperature: 0,
  maxTokens: 10,
  stopSequences: [''],
  metadata: { own: { x: 1 } },
  tools,
  toolChoice: { mode: 'required' },
  _meta,
};

const QUESTIONS: [string, Json, Json][] = [
  [
    'elicitation/create',
    form,
    { action: 'accept', content: { a: 'x@y.z', b: 1, c: true, f: ['p', 'q'] }, _meta },
  ],
  ['elicitation/create', form, { action: 'accept', content: {} }],
  ['elicitation/create', form, { action: 'decline' }],
  ['elicitation/create', form, { action: 'cancel', _meta }],
  [
    'elicitation/create',
    { message: 'no mode', requestedSchema: { type: 'object', properties: {} } },
    { action: 'decline' },
  ],
  [
    'elicitation/create',
    { mode: 'url', message: 'm', url: 'https://example.com/é?a=b#c', elicitationId: 'e-1', _meta },
    { action: 'accept' },
  ],
  [
    'sampling/createMessage',
    sampling,
    {
      role: 'assistant',
      model: 'm',
      stopReason: 'toolUse',
      content: [
        { type: 'tool_use', id: '2', name: 't', input: {}, _meta },
        { type: 'text', text: 'y' },
      ],
      _meta,
    },
  ],
  [
    'sampling/createMessage',
    { messages: [{ role: 'user', content: { type: 'audio', data: 'AAAA', mimeType: 'a/b' } }], maxTokens: 1 },
    {
      role: 'assistant',
      model: 'm',
      stopReason: 'own',
      content: { type: 'image', data: 'AAAA', mimeType: 'a/b' },
      _meta,
      extra: 1,
    },
  ],
  ['roots/list', {}, { roots: [{ uri: 'file:///é', name: 'É', _meta }], _meta }],
  ['roots/list', { _meta }, { roots: [] }],
  ['ping', {}, {}],
];

describe('a question in the middle of a call', () => {
  test.each(QUESTIONS)('%s %j', async (method, params, result) => {
    says = [{ jsonrpc: '2.0', id: 's-0', method, params }];
    const before = answers.length;
    const call = await session.open('tools/call', { name: 'raw_go' });
    if (method !== 'ping') {
      const { message } = await call.said(method);
      expect(message.params ?? {}).toEqual(params);
      await session.post({ id: message.id, result });
    }
    await call.until((event) => event.message.result !== undefined);
    expect(answers[before]).toEqual({ jsonrpc: '2.0', id: 's-0', result });
  });
});

test('progress of its client with a question goes to the server, by its own token', async () => {
  says = [
    { jsonrpc: '2.0', id: 's-1', method: 'roots/list', params: { _meta: { progressToken: '', ..._meta } } },
  ];
  const call = await session.open('tools/call', { name: 'raw_go' });
  const { message } = await call.said('roots/list');
  const { progressToken } = (message.params?._meta ?? {}) as Json;
  expect(progressToken).toBeDefined();
  const params = { progressToken, progress: 1, total: 2, message: 'half' };
  await session.post({ method: 'notifications/progress', params });
  await session.post({ id: message.id, result: { roots: [] } });
  await call.until((event) => event.message.result !== undefined);
  const reached = raw.received.map(messageOf).filter(({ method }) => method === 'notifications/progress');
  expect(reached.map((said) => said.params)).toEqual([{ ...params, progressToken: '' }]);
});

test('a question that its server takes back is taken back from the client', async () => {
  says = [
    { jsonrpc: '2.0', id: 's-2', method: 'elicitation/create', params: form },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 's-2', reason: 'late' } },
  ];
  const call = await session.open('tools/call', { name: 'raw_go' });
  const { message } = await call.said('elicitation/create');
  const cancelled = await call.said('notifications/cancelled');
  expect(cancelled.message.params).toMatchObject({ requestId: message.id });
  await call.until((event) => event.message.result !== undefined);
});

test('notifications during a call come unchanged, before the answer', async () => {
  const told: [string, Json][] = [
    ['notifications/message', { level: 'debug', logger: 'l', data: { a: [null, 'é'] }, _meta }],
    ['notifications/message', { level: 'error', data: 'text' }],
    ['notifications/elicitation/complete', { elicitationId: 'e-1', _meta }],
    ['notifications/own/thing', { a: 1 }],
  ];
  says = told.map(([method, params]) => ({ jsonrpc: '2.0', method, params }));
  const call = await session.open('tools/call', { name: 'raw_go' });
  await call.until((event) => event.message.result !== undefined);
  const seen = call.events
    .filter(({ message }) => message.method !== undefined)
    .map(({ message: { method, params } }) => [method, params]);
  expect(seen).toEqual(told.slice(0, 3));
});

test.each([0, '', 'tök', 7])(
  'progress comes by the token %j that the client gave, as it is',
  async (progressToken) => {
    const steps = [
      { progress: 0, total: 0.5, message: 'é' },
      { progress: 1e9, _meta },
    ];
    says = steps.map((params) => ({ jsonrpc: '2.0', method: 'notifications/progress', params }));
    const call = await session.open('tools/call', { name: 'raw_go', _meta: { progressToken, ..._meta } });
    await call.until((event) => event.message.result !== undefined);
    const seen = call.events.flatMap(({ message: { params } }) => params ?? []);
    expect(seen).toEqual(steps.map((step) => ({ progressToken, ...step })));
    const reached = raw.received.map(messageOf).findLast(({ method }) => method === 'tools/call');
    expect(reached?.params?._meta).toMatchObject(_meta);
  },
);

test('an answer of five megabytes comes whole, in either era', async () => {
  says = [];
  const call = await session.request('tools/call', { name: 'raw_big' });
  expect(textOf(call)).toHaveLength(2_500_000);
  const modern = await new Caller(connected, 'raw').send({
    era: 'modern',
    path: '/mcp',
    method: 'tools/call',
    params: { name: 'raw_big' },
  });
  expect(textOf(modern.body)).toHaveLength(2_500_000);
});

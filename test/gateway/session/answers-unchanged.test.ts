import { beforeAll, describe, expect, test } from 'vitest';
import { type Message, messageOf, type Received, scripted } from '../../fixtures/mcp-server';
import { Caller, ERAS, MODERN, type Rpc } from '../../fixtures/mcp-server-caller';
import { connectMerged, deploy, InSession } from '../../fixtures/mcp-session';

/* What a server answers reaches the client as it is, but for names and URIs, whatever era either speaks. */

const _meta = { 'example.com/trace': { deep: ['a', 0, null] } };
const annotations = { audience: ['user'], priority: 0.5, lastModified: '2025-01-01T00:00:00Z' };
const icons = [{ src: 'https://example.com/i.png', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' }];
const CONTENT = [
  { type: 'text', text: 'Grüße \ud83c\udf0d', annotations, _meta },
  { type: 'image', data: 'AAAA', mimeType: 'image/png', annotations, _meta },
  { type: 'audio', data: 'AAAA', mimeType: 'audio/wav', annotations, _meta },
  {
    type: 'resource_link',
    uri: 'x://a',
    name: 'a',
    title: 'A',
    description: 'd',
    mimeType: 'text/plain',
    size: 3,
    icons,
    annotations,
    _meta,
  },
  {
    type: 'resource',
    resource: { uri: 'x://a', mimeType: 'text/plain', text: 't', _meta },
    annotations,
    _meta,
  },
  { type: 'resource', resource: { uri: 'x://b', mimeType: 'a/b', blob: 'AAAA', _meta } },
];
const TOOL = {
  name: 'look',
  title: 'Look',
  description: 'Looks',
  inputSchema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { $ref: '#/$defs/b' } },
    $defs: { b: { type: ['integer', 'null'] } },
    required: ['a'],
    additionalProperties: false,
  },
  outputSchema: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
  annotations: {
    title: 'Look!',
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  icons,
  _meta,
};
const PROMPT = {
  name: 'say',
  title: 'Say',
  description: 'd',
  arguments: [{ name: 'x', description: 'd', required: true }],
  icons,
  _meta,
};
const RESOURCE = {
  uri: 'x://a',
  name: 'a',
  title: 'A',
  description: 'd',
  mimeType: 'text/plain',
  size: 3,
  icons,
  annotations,
  _meta,
};
const TEMPLATE = {
  uriTemplate: 'x://{id}',
  name: 't',
  title: 'T',
  description: 'd',
  mimeType: 'a/b',
  icons,
  annotations,
  _meta,
};

const RESULTS: Record<string, object> = {
  'tools/list': { tools: [TOOL] },
  'prompts/list': { prompts: [PROMPT] },
  'resources/list': { resources: [RESOURCE] },
  'resources/templates/list': { resourceTemplates: [TEMPLATE] },
  'tools/call': {
    content: CONTENT,
    structuredContent: { n: 'no number', more: [null, 1e300] },
    isError: true,
    _meta,
    extra: { kept: 1 },
  },
  'prompts/get': {
    description: 'd',
    messages: CONTENT.map((content) => ({ role: 'assistant', content })),
    _meta,
    extra: 1,
  },
  'resources/read': {
    contents: [
      { uri: 'x://a', mimeType: 'a/b', text: 't', _meta },
      { uri: 'x://a/b', blob: 'AAAA', _meta },
    ],
    _meta,
    extra: 1,
  },
  'completion/complete': { completion: { values: ['a', ''], total: 3, hasMore: true }, _meta },
};
const CAPABILITIES = { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {}, logging: {} };
const serverInfo = { name: 's', version: '1' };
const CACHED = ['resources/read', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

function answerOf(era: 'legacy' | 'modern', { method = '', params = {} }: Message): object {
  if (method === 'initialize' && era === 'legacy')
    return { result: { protocolVersion: '2025-11-25', capabilities: CAPABILITIES, serverInfo } };
  if (method === 'server/discover' && era === 'modern')
    return {
      result: {
        resultType: 'complete',
        supportedVersions: [MODERN],
        capabilities: CAPABILITIES,
        serverInfo,
        ttlMs: 0,
        cacheScope: 'public',
      },
    };
  if (params.name === 'fail' || params.uri === 'x://fail')
    return { error: { code: -31999, message: 'Own error: é', data: { why: ['x'], uri: 'x://a' } } };
  const result = RESULTS[method];
  if (!result) return { error: { code: -32601, message: 'Method not found' } };
  const more =
    era === 'modern'
      ? { resultType: 'complete', ...(CACHED.includes(method) && { ttlMs: 5, cacheScope: 'public' }) }
      : {};
  return { result: { ...result, ...more } };
}

function server(era: 'legacy' | 'modern') {
  return scripted((received: Received) => {
    const message = messageOf(received);
    if (message.id === undefined)
      return new Response(null, { status: received.method === 'POST' ? 202 : 405 });
    const answer = answerOf(era, message);
    const status = era === 'modern' && JSON.stringify(answer).includes('-32601') ? 404 : 200;
    return Response.json({ jsonrpc: '2.0', id: message.id, ...answer }, { status });
  });
}

const servers = { old: server('legacy'), new: server('modern') };
const gate = deploy({ old: { behind: servers.old }, new: { behind: servers.new } });
let caller: Caller;
let session: InSession;
beforeAll(async () => {
  const connected = await connectMerged(gate, ['old', 'new'], { user: { name: 'Same A' } });
  caller = new Caller(connected, 'old');
  session = await InSession.begin(connected);
});

const own = (value: unknown, name: string) =>
  JSON.parse(JSON.stringify(value).replaceAll(`mcp+${name}+`, '').replaceAll(`"${name}_`, '"')) as Record<
    string,
    unknown
  >;

type Json = Record<string, unknown>;

/** `_` and `+` stand where a name and a URI begin. */
const ASKED: [string, Json][] = [
  ['tools/list', {}],
  ['prompts/list', {}],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['tools/call', { name: '_look', arguments: { a: 'é', b: null } }],
  ['prompts/get', { name: '_say', arguments: { x: 'y' } }],
  ['resources/read', { uri: '+x://a' }],
  [
    'completion/complete',
    {
      ref: { type: 'ref/prompt', name: '_say' },
      argument: { name: 'x', value: '' },
      context: { arguments: { y: 'z' } },
    },
  ],
  [
    'completion/complete',
    { ref: { type: 'ref/resource', uri: '+x://{id}' }, argument: { name: 'id', value: 'q' } },
  ],
  ['resources/read', { uri: '+x://fail' }],
];

const LISTS: Record<string, string> = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
};

describe.each(ERAS)('a client of the %s era', (era) => {
  const ask = async (method: string, params: Json): Promise<Rpc> => {
    if (era === 'legacy') return session.request(method, params);
    const { arguments: { a } = {} } = params as { arguments?: { a?: string } };
    const headers: Record<string, string> = a === undefined ? {} : { 'mcp-param-a': '=?base64?w6k=?=' };
    return (await caller.send({ era, path: '/mcp', method, params, headers })).body;
  };
  describe.each(['old', 'new'] as const)('before the %s server', (server) => {
    test.each(ASKED)('%s %j', async (method, given) => {
      const named = (name: string, uri: string) =>
        JSON.parse(JSON.stringify(given).replace('"_', `"${name}`).replace('"+', `"${uri}`)) as Json;
      const before = servers[server].received.length;
      const merged = await ask(method, named(`${server}_`, `mcp+${server}+`));
      const plain = named('', '');
      const serverEra = server === 'old' ? 'legacy' : 'modern';
      const direct = answerOf(serverEra, { method, params: plain }) as Rpc;
      const seen = own(merged, server) as Rpc;
      const list = LISTS[method];
      if (list) {
        const all = (merged.result?.[list] ?? []) as Json[];
        const names = ({ name, uri, uriTemplate }: Json) => `${uriTemplate ?? uri ?? name}`;
        const its = all.filter((item) => new RegExp(`^(mcp\\+)?${server}[_+]`).test(names(item)));
        expect(own(its, server)).toEqual(direct.result?.[list]);
        return;
      }
      expect(seen.error).toEqual(direct.error);
      // The gate says what it is, and how long a reading lasts, where the server's era has no words for it.
      const { resultType: _1, ttlMs: _2, cacheScope: _3, _meta: own_meta, ...rest } = seen.result ?? {};
      const {
        resultType: _4,
        ttlMs: _5,
        cacheScope: _6,
        _meta: given_meta,
        ...expected
      } = direct.result ?? {};
      expect(rest).toEqual(expected);
      if (given_meta) expect(own_meta).toMatchObject(given_meta);
      const reached = servers[server].received.slice(before).find((one) => messageOf(one).method === method);
      expect(reached && messageOf(reached).params).toMatchObject(plain);
      const header = server === 'new' && method === 'tools/call' ? '=?base64?w6k=?=' : null;
      expect(reached?.headers.get('mcp-param-a') ?? null).toBe(header);
    });
  });
});

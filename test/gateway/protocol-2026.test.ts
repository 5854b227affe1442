import { beforeAll, describe, expect, test } from 'vitest';
import { connect, gate } from '../fixtures/worker';

/*
 * Revision 2026-07-28 by raw HTTP, as its transport page has it: no library of ours that could be wrong in
 * the same way on both sides.
 */

const VERSION = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
};

let access_token: string;
beforeAll(async () => {
  ({ access_token } = (await connect()).tokens);
});

type Json = Record<string, unknown>;
interface Sent {
  method: string;
  params?: Json;
  meta?: Json | null;
  headers?: Record<string, string>;
  path?: string;
}

/** Sends one request with the headers that its body asks for, `headers` over them ('' leaves one out). */
async function send({ method, params = {}, meta = META, headers = {}, path = '/mcp' }: Sent) {
  const named = method === 'tools/call' ? { 'mcp-name': String(params.name) } : {};
  const all = {
    authorization: `Bearer ${access_token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...named,
    ...headers,
  };
  const response = await gate.fetch(path, {
    method: 'POST',
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method,
      params: { ...params, ...(meta && { _meta: meta }) },
    }),
  });
  const body = (await response.json()) as {
    id: unknown;
    result?: Json;
    error?: { code: number; data?: Json };
  };
  return { status: response.status, headers: response.headers, ...body };
}

const whoami = { method: 'tools/call', params: { name: 'whoami', arguments: {} } };

describe.each(['/mcp', '/'])('a stateless client at %s', (path) => {
  test('discovers the server without a handshake', async () => {
    const { status, result, id } = await send({ method: 'server/discover', path });
    expect([status, id]).toEqual([200, 7]);
    expect(result).toMatchObject({
      resultType: 'complete',
      supportedVersions: [VERSION],
      capabilities: { tools: {} },
      cacheScope: 'private',
    });
  });

  test('lists tools, each with a title and hints, for itself alone', async () => {
    const { status, result, headers } = await send({ method: 'tools/list', path });
    expect(status).toBe(200);
    expect(result).toMatchObject({
      resultType: 'complete',
      cacheScope: 'private',
      ttlMs: expect.any(Number),
    });
    expect(result?.tools).toEqual([
      expect.objectContaining({
        name: 'whoami',
        title: 'Who am I?',
        annotations: expect.objectContaining({
          title: 'Who am I?',
          readOnlyHint: true,
          destructiveHint: false,
        }),
      }),
    ]);
    expect(headers.get('mcp-session-id')).toBeNull();
  });

  test('calls a tool', async () => {
    const { status, result } = await send({ ...whoami, path });
    expect(status).toBe(200);
    expect(result).toMatchObject({ resultType: 'complete', structuredContent: { user: { name: 'Ada' } } });
  });
});

test('a session id means nothing here', async () => {
  const { status, headers } = await send({ ...whoami, headers: { 'mcp-session-id': 'anything' } });
  expect(status).toBe(200);
  expect(headers.get('mcp-session-id')).toBeNull();
});

describe('headers that say something else than the body', () => {
  test.each<[string, Record<string, string>]>([
    ['another method', { 'mcp-method': 'tools/list' }],
    ['no method', { 'mcp-method': '' }],
    ['another tool', { 'mcp-name': 'other' }],
    ['no tool', { 'mcp-name': '' }],
    ['another version', { 'mcp-protocol-version': '2025-11-25' }],
    ['no version', { 'mcp-protocol-version': '' }],
  ])(
    'are 400 and -32020, so that no proxy can be told one thing and we another: %s',
    async (_what, headers) => {
      const { status, error } = await send({ ...whoami, headers });
      expect([status, error?.code]).toEqual([400, -32020]);
    },
  );
});

test('an unknown version is 400 and -32022, with those that are known', async () => {
  const meta = { ...META, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
  const { status, error } = await send({
    ...whoami,
    meta,
    headers: { 'mcp-protocol-version': '2099-01-01' },
  });
  expect([status, error?.code]).toEqual([400, -32022]);
  expect(error?.data).toMatchObject({
    supported: expect.arrayContaining([VERSION]),
    requested: '2099-01-01',
  });
});

test.each([
  ['no _meta', null],
  ['no capabilities', { 'io.modelcontextprotocol/protocolVersion': VERSION }],
])('a request that lacks what each must carry is 400 and -32602: %s', async (_what, meta) => {
  const { status, error } = await send({ method: 'tools/list', meta });
  expect([status, error?.code]).toEqual([400, -32602]);
});

test('an unknown method is 404 and -32601', async () => {
  const { status, error } = await send({ method: 'nonsense/method' });
  expect([status, error?.code]).toEqual([404, -32601]);
});

test('a tool that is not there is an error and no result', async () => {
  const { error, result } = await send({ method: 'tools/call', params: { name: 'nonsense', arguments: {} } });
  expect(error?.code).toBe(-32602);
  expect(result).toBeUndefined();
});

test.each(['GET', 'DELETE'])('%s is 405: there is no session to open or end', async (method) => {
  const headers = { authorization: `Bearer ${access_token}`, 'mcp-protocol-version': VERSION };
  for (const path of ['/', '/mcp']) {
    expect((await gate.fetch(path, { method, headers })).status).toBe(405);
  }
});

test('without a token it is a matter of sign-in and not of the era', async () => {
  const response = await gate.fetch('/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'mcp-protocol-version': VERSION,
      'mcp-method': 'tools/list',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: META } }),
  });
  expect(response.status).toBe(401);
  expect(await response.json()).not.toHaveProperty('jsonrpc');
});

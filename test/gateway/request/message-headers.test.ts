import { beforeAll, describe, expect, test } from 'vitest';
import { paramHeaders } from '../../../src/gateway/request/message-headers';
import { toJsonRpcError } from '../../../src/gateway/request/refusal';
import { ok } from '../../../src/result';
import { connectTo, gateBefore, messageOf, scripted } from '../../fixtures/mcp-server';
import { Caller, ERAS } from '../../fixtures/mcp-server-caller';

/* That headers which repeat a part of a call say what the call says (MCP 2026-07-28). */

const text = (name: string) => ({ type: 'string', 'x-mcp-header': name });
const inputSchema = {
  type: 'object',
  properties: {
    region: text('Region'),
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
    inner: { type: 'object', properties: { tenant: text('Tenant') } },
    list: { type: 'array', items: text('Item') },
    odd: { 'x-mcp-header': { toString: 1 } },
    spaced: text('not a token'),
  },
};
const ARGS = { region: 'eu', count: 3, dry: false, inner: { tenant: 'café' }, list: ['a'] };

const sent = (headers: Record<string, string>, args: unknown = ARGS, schema: unknown = inputSchema) =>
  paramHeaders(new Headers(headers), schema, {
    era: 'modern',
    id: 1,
    method: 'tools/call',
    params: { name: 'look', arguments: args },
  });
const CAFE = `=?base64?${btoa('caf\u00c3\u00a9')}?=`;

describe('of the headers of a call’s arguments', () => {
  test('those go on that say what the arguments say', () => {
    const headers = {
      'mcp-param-region': 'eu',
      'mcp-param-count': '3',
      'mcp-param-dry': 'false',
      'mcp-param-tenant': CAFE,
    };
    expect(sent(headers)).toEqual(ok(Object.entries(headers)));
  });

  test('those that the tool’s schema doesn’t declare are left out', () => {
    expect(sent({ 'mcp-param-other': '1', 'mcp-param-item': 'a', 'mcp-param-odd': 'x' })).toEqual(ok([]));
    for (const schema of [null, [], 'x', {}, { properties: [text('Region')] }])
      expect(sent({ 'mcp-param-region': 'eu' }, ARGS, schema)).toEqual(ok([]));
  });

  test.each<[Record<string, string>, unknown?]>([
    [{ 'mcp-param-region': 'us' }],
    [{ 'mcp-param-region': 'EU' }],
    [{ 'mcp-param-region': '' }],
    [{ 'mcp-param-region': 'eu' }, {}],
    [{ 'mcp-param-region': 'eu' }, null],
    [{ 'mcp-param-region': 'eu' }, { region: ['eu'] }],
    [{ 'mcp-param-region': '[object Object]' }, { region: { toString: 1 } }],
    [{ 'mcp-param-region': 'null' }, { region: null }],
    [{ 'mcp-param-count': '4' }],
    [{ 'mcp-param-count': '0x3' }],
    [{ 'mcp-param-count': '3e0' }],
    [{ 'mcp-param-count': '' }, { count: 0 }],
    [{ 'mcp-param-count': '9007199254740993' }, { count: 9007199254740992 }],
    [{ 'mcp-param-dry': 'true' }],
    [{ 'mcp-param-dry': '0' }],
    [{ 'mcp-param-tenant': '=?base64?%%%?=' }],
    [{ 'mcp-param-tenant': 'cafe' }],
    [{ 'mcp-param-region': 'eu, us' }],
  ])('%j is refused for %j', async (headers, ...args) => {
    const refused = sent(headers, ...(args as [unknown]));
    const answer = refused.ok ? undefined : toJsonRpcError(refused.error);
    expect(answer?.status).toBe(400);
    expect(await answer?.json()).toMatchObject({ id: 1, error: { code: -32020 } });
  });
});

const behind = scripted((request) => {
  const { id, method } = messageOf(request);
  const tools = [{ name: 'look', inputSchema, annotations: { readOnlyHint: true } }];
  return Response.json({ jsonrpc: '2.0', id, result: method === 'tools/list' ? { tools } : { content: [] } });
});
const at = gateBefore({ one: { behind } });
let caller: Caller;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one'), 'one');
});

describe.each(ERAS)('at a server, in the %s era', (era) => {
  test('a call whose header says something else doesn’t arrive', async () => {
    await caller.call('look', { era });
    const before = behind.received.length;
    const params = { name: 'look', arguments: ARGS };
    const refused = await caller.call('look', { era, params, headers: { 'mcp-param-region': 'us' } });
    expect([refused.status, refused.body.error?.code, refused.body.id]).toEqual([400, -32020, 7]);
    expect(behind.received.length).toBe(before);
    const allowed = await caller.call('look', { era, params, headers: { 'mcp-param-region': 'eu' } });
    expect(allowed.status).toBe(200);
    expect(behind.received.at(-1)?.headers.get('mcp-param-region')).toBe('eu');
  });

  test('nothing arrives that repeats nothing of the message', async () => {
    const headers = { 'mcp-name': 'drop', 'mcp-param-region': 'eu' };
    expect((await caller.send({ era, method: 'tools/list', headers })).status).toBe(200);
    expect(behind.received.at(-1)?.headers.has('mcp-name')).toBe(false);
    expect(behind.received.at(-1)?.headers.has('mcp-param-region')).toBe(false);
    await caller.fetch({ http: 'GET', headers: { ...headers, 'mcp-method': 'tools/call' } });
    if (era === 'modern') return;
    for (const name of ['mcp-name', 'mcp-method', 'mcp-param-region', 'content-type'])
      expect([name, behind.received.at(-1)?.headers.has(name)]).toEqual([name, false]);
  });
});

test('a task’s name in the header is the body’s', async () => {
  const task = { era: 'modern' as const, method: 'tasks/get', params: { taskId: 'a' } };
  const refused = await caller.send({ ...task, headers: { 'mcp-name': 'b' } });
  expect([refused.status, refused.body.error?.code]).toEqual([400, -32020]);
  expect((await caller.send({ ...task, headers: { 'mcp-name': 'a' } })).status).toBe(200);
});

import { beforeAll, describe, expect, test } from 'vitest';
import { faultForGate, faultOfParams } from '../../../src/gateway/request/params';
import { connectTo, connectWith, gateBefore, plainServer } from '../../fixtures/mcp-server';
import { Caller, ERAS, META } from '../../fixtures/mcp-server-caller';
import { InSession } from '../../fixtures/mcp-session';

/* Values of other types than the protocol has, such as one that fails when it is made a text of. */

const CALLABLE = { toString: 1 };
const OTHERS: unknown[] = [CALLABLE, { toString: null, valueOf: 1 }, [], ['a'], 7, true, {}];
const HALF = 'a\ud800';

/** By method: the parameters that are text, an object, an id. */
const TYPED: [method: string, param: string, type: 'text' | 'object' | 'id'][] = [
  ['tools/call', 'name', 'text'],
  ['tools/call', 'arguments', 'object'],
  ['tools/call', 'inputResponses', 'object'],
  ['tools/call', 'requestState', 'text'],
  ['tools/call', 'task', 'object'],
  ['tools/list', 'cursor', 'text'],
  ['tools/list', '_meta.progressToken', 'id'],
  ['prompts/get', 'name', 'text'],
  ['prompts/get', 'arguments', 'object'],
  ['prompts/list', 'cursor', 'text'],
  ['resources/read', 'uri', 'text'],
  ['resources/subscribe', 'uri', 'text'],
  ['resources/unsubscribe', 'uri', 'text'],
  ['completion/complete', 'ref', 'object'],
  ['completion/complete', 'ref.uri', 'text'],
  ['completion/complete', 'ref.name', 'text'],
  ['completion/complete', 'argument', 'object'],
  ['completion/complete', 'argument.value', 'text'],
  ['logging/setLevel', 'level', 'text'],
  ['tasks/get', 'taskId', 'text'],
  ['tasks/cancel', 'taskId', 'text'],
  ['subscriptions/listen', 'notifications', 'object'],
  ['initialize', 'capabilities', 'object'],
  ['initialize', 'clientInfo', 'object'],
  ['initialize', 'clientInfo.name', 'text'],
  ['initialize', 'clientInfo.title', 'text'],
  ['notifications/cancelled', 'requestId', 'id'],
  ['notifications/progress', 'progressToken', 'id'],
];

function paramsWith(path: string, value: unknown): Record<string, unknown> {
  const [name = '', inner] = path.split('.');
  return { [name]: inner === undefined ? value : { [inner]: value } };
}

const isOf = { text: (v: unknown) => typeof v === 'string', object: isPlain, id: (v: unknown) => v === 7 };
function isPlain(value: unknown): boolean {
  return typeof value === 'object' && !Array.isArray(value);
}

describe('a parameter of another type is named in the error', () => {
  test.each(TYPED)('%s: %s must be %s', (method, path, type) => {
    const required = method === 'tools/call' && path !== 'name' ? { name: 'a' } : {};
    for (const value of [...OTHERS, ...(type === 'text' ? [HALF] : [])]) {
      const said = faultOfParams(method, { ...required, ...paramsWith(path, value) });
      if (isOf[type](value) && value !== HALF) expect(said).toBeUndefined();
      else expect(said).toContain(`params.${path} must be`);
    }
    if (path !== 'name' || method !== 'tools/call')
      expect(faultOfParams(method, { ...required, ...paramsWith(path, null) })).toBeUndefined();
  });

  test('and what the gate knows nothing of may be anything', () => {
    expect(faultOfParams('x/y', { name: CALLABLE, uri: 7 })).toBeUndefined();
    expect(faultOfParams('constructor', { name: CALLABLE })).toBeUndefined();
  });

  test('and a log level is one of MCP’s where the gate itself logs', () => {
    for (const level of ['debug', 'warning', 'emergency']) {
      expect(faultForGate('logging/setLevel', { level })).toBeUndefined();
    }
    for (const level of ['nonsense', 'DEBUG', '', undefined, null]) {
      expect(faultForGate('logging/setLevel', { level })).toContain(
        'params.level must be one of debug, info',
      );
    }
    expect(faultForGate('ping', { level: 'nonsense' })).toBeUndefined();
  });

  test.each([
    [{ resourceSubscriptions: 5 }],
    [{ resourceSubscriptions: [CALLABLE] }],
    [{ taskIds: 'a' }],
    [{ toolsListChanged: CALLABLE }],
  ])('%j can’t be listened to', (notifications) => {
    expect(faultOfParams('subscriptions/listen', { notifications })).toContain('must be');
  });
});

const behind = plainServer({ look: { readOnlyHint: true } });
const at = gateBefore({ one: { behind } });
let caller: Caller;
let merged: Awaited<ReturnType<typeof connectWith>>;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one'), 'one');
  merged = await connectWith(at, `${at.origin}/mcp`, ['one']);
});

describe.each(ERAS)('it never reaches a server, in the %s era', (era) => {
  test.each(TYPED.filter(([, , type]) => type !== 'object'))('%s: %s', async (method, path) => {
    const callers = { '/mcp/one': caller, '/mcp': new Caller(merged, 'one') };
    for (const [at, endpoint] of Object.entries(callers)) {
      const before = behind.received.length;
      const odd = paramsWith(path, CALLABLE);
      const meta = era === 'modern' && odd._meta ? { _meta: { ...META, ...(odd._meta as object) } } : {};
      const params = { ...(path === 'name' ? {} : { name: 'look' }), ...odd, ...meta };
      const { status, body } = await endpoint.send({
        era,
        method,
        params,
        path: at,
        headers: { 'mcp-name': '' },
      });
      expect([at, status]).toEqual([at, 400]);
      expect(body.error?.code).toBeLessThan(-32_000);
      expect(behind.received.length).toBe(before);
    }
  });
});

test('in a session it is refused, and the session goes on', async () => {
  const session = await InSession.begin(merged);
  for (const [method, path] of TYPED) {
    if (method === 'initialize' || method.startsWith('notifications')) continue;
    const { error } = await session.request(method, paramsWith(path, CALLABLE));
    expect(error?.code ?? 0, `${method} ${path}`).toBeLessThan(-32_000);
  }
  const { error } = await session.request('logging/setLevel', { level: 'nonsense' });
  expect([error?.code, error?.message]).toEqual([
    -32602,
    expect.stringContaining('params.level must be one of debug, info, notice'),
  ]);
  expect((await session.request('tools/list', {})).result).toBeDefined();
});

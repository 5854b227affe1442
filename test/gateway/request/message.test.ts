import { beforeAll, describe, expect, test } from 'vitest';
import { connectTo, gateBefore, plainServer } from '../../fixtures/mcp-server';
import { bodyOf, Caller, ERAS, type Era, META, MODERN } from '../../fixtures/mcp-server-caller';

/* What the headers say and what the body says: one server reads these, another those. */

const behind = plainServer({ 'tool-a': { readOnlyHint: true }, 'café ☕': { readOnlyHint: true } });
const at = gateBefore({ one: { behind } });

let caller: Caller;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one'), 'one');
});

const base64 = (text: string) => `=?base64?${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}?=`;

async function expectRefused(sent: Parameters<Caller['send']>[0], code: number, status = 400): Promise<void> {
  const before = behind.received.length;
  const answer = await caller.send(sent);
  expect([answer.status, answer.body.error?.code]).toEqual([status, code]);
  expect(behind.received.length).toBe(before);
}

const MISMATCH = -32020;

describe.each(ERAS)('in the %s era a header that says something else than the body', (era) => {
  const callTool = (name: string) => ({ era, method: 'tools/call', params: { name, arguments: {} } });

  test.each([
    ['another tool', 'tool-b'],
    ['another case', 'Tool-a'],
    ['two, one of them right', 'tool-a, tool-a'],
    ['two, the last one wrong', 'tool-a,tool-b'],
    ['a look-alike in Base64', base64('tool-а')],
    ['a full-width look-alike in Base64', base64('ｔool-a')],
    ['a space inside Base64', base64(' tool-a')],
    ['Base64 of another tool', base64('tool-b')],
    ['Base64 without its padding', '=?base64?dG9vbC1h==?='],
    ['Base64 of another alphabet', '=?base64?dG9v-_1h?='],
    ['Base64 with a space', '=?base64?dG9v bC1h?='],
    ['Base64 of no UTF-8', '=?base64?//79?='],
    ['Base64 whose form is in another case', base64('tool-a').replace('base64', 'BASE64')],
    ['Base64 that never ends', base64('tool-a').replace('?=', '')],
    ['Base64 twice', base64(base64('tool-a'))],
    ['percent signs', 'tool%2Da'],
    ['quotes', '"tool-a"'],
    ['nothing', ' '],
  ])('is refused before anything is forwarded: %s', async (_what, name) => {
    await expectRefused({ ...callTool('tool-a'), headers: { 'mcp-name': name } }, MISMATCH);
  });

  test.each([
    ['another method', 'tools/list'],
    ['another case', 'Tools/Call'],
    ['two', 'tools/call, tools/call'],
    ['Base64', base64('tools/call')],
    ['nothing', ' '],
  ])('is refused of the method too: %s', async (_what, method) => {
    await expectRefused({ ...callTool('tool-a'), headers: { 'mcp-method': method } }, MISMATCH);
  });

  test.each([
    ['tool-a', 'tool-a'],
    ['tool-a', ' tool-a\t'],
    ['tool-a', base64('tool-a')],
    ['café ☕', base64('café ☕')],
  ])('and one that says the same goes on: %j by %j', async (name, header) => {
    const { status, body } = await caller.send({ ...callTool(name), headers: { 'mcp-name': header } });
    expect([status, body.result]).toEqual([200, { content: [{ type: 'text', text: `tools/call ${name}` }] }]);
  });

  test('is refused of prompts and resources too', async () => {
    const prompt = { era, method: 'prompts/get', params: { name: 'a' } };
    await expectRefused({ ...prompt, headers: { 'mcp-name': 'b' } }, MISMATCH);
    const resource = { era, method: 'resources/read', params: { uri: 'file:///a' } };
    await expectRefused({ ...resource, headers: { 'mcp-name': 'file:///b' } }, MISMATCH);
    expect((await caller.send({ ...resource, headers: { 'mcp-name': base64('file:///a') } })).status).toBe(
      200,
    );
  });
});

describe('the version', () => {
  const legacy = { method: 'tools/list' };

  test('of the header must be the body’s', async () => {
    await expectRefused(
      { ...legacy, era: 'modern', headers: { 'mcp-protocol-version': '2025-11-25' } },
      MISMATCH,
    );
  });

  test('of the header alone makes no stateless request', async () => {
    const before = behind.received.length;
    const answer = await caller.send({ ...legacy, headers: { 'mcp-protocol-version': MODERN } });
    expect(answer.status).toBe(400);
    expect(behind.received.length).toBe(before);
  });

  test('that nobody here knows is the server’s to judge, and policy holds in it', async () => {
    const meta = { ...META, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
    const headers = { 'mcp-protocol-version': '2099-01-01' };
    const call = (name: string) => {
      const params = { name, arguments: {}, _meta: meta };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params });
      return caller.send({ body, era: 'modern', method: 'tools/call', params: { name }, headers });
    };
    expect((await call('tool-a')).body.result).toBeDefined();
    expect(behind.received.at(-1)?.headers.get('mcp-protocol-version')).toBe('2099-01-01');
    expect((await call('tool-x')).body.error?.code).toBe(-32602);
  });
});

describe('a stateless request must have its headers', () => {
  test.each(['mcp-method', 'mcp-name', 'mcp-protocol-version'])('%s', async (name) => {
    const call = { method: 'tools/call', params: { name: 'tool-a', arguments: {} } };
    await expectRefused({ ...call, era: 'modern', headers: { [name]: '' } }, MISMATCH);
    expect((await caller.send({ ...call, era: 'legacy', headers: { [name]: '' } })).status).toBe(200);
  });
});

describe('a body that two parsers could read differently', () => {
  const params = '"params":{"name":"tool-a","arguments":{}}';

  test.each([
    ['the method twice', `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call",${params}}`],
    [
      'the method twice, once escaped',
      `{"jsonrpc":"2.0","id":1,"method":"ping","meth\\u006fd":"tools/call",${params}}`,
    ],
    [
      'the method in another case',
      `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call",${params}}`,
    ],
    ['the method with a long s', `{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":{},${params}}`],
    [
      'an answer that is a call in another case',
      `{"jsonrpc":"2.0","id":1,"result":{},"METHOD":"tools/call",${params}}`,
    ],
    ['params twice', `{"jsonrpc":"2.0","id":1,"method":"tools/call",${params},${params}}`],
    [
      'the name twice',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tool-a","name":"tool-b"}}',
    ],
    [
      'the name in another case',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tool-a","Name":"b"}}',
    ],
    ['the id twice', `{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call",${params}}`],
    [
      'an argument twice',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tool-a","arguments":{"a":1,"a":2}}}',
    ],
  ])('is refused: %s', async (_what, body) => {
    await expectRefused({ body }, -32600);
  });

  test('is not one whose text only looks so', async () => {
    const args = {
      Name: 'x',
      name: 'y',
      text: '"method":"a\\"","method":',
      __proto__x: [{ a: 1 }, { a: 2 }],
      '': { '"': 1 },
    };
    const { status } = await caller.send({
      method: 'tools/call',
      params: { name: 'tool-a', arguments: args },
    });
    expect(status).toBe(200);
  });
});

test('an id comes back in a refusal, so that the client knows what was refused', async () => {
  for (const id of ['text', 0, 12]) {
    const { body } = await caller.send({
      id,
      era: 'modern' satisfies Era,
      method: 'tools/list',
      headers: { 'mcp-method': 'x' },
    });
    expect(body.id).toBe(id);
  }
});

test('a notification by headers is what its body says too', async () => {
  const body = bodyOf({ id: null, method: 'notifications/initialized' });
  await expectRefused({ body, headers: { 'mcp-method': 'tools/call' } }, MISMATCH);
});

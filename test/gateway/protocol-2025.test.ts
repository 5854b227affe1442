import { beforeAll, describe, expect, test } from 'vitest';
import { callMcp, connect, gate } from '../fixtures/worker';

/* Revision 2025-11-25, which most clients speak, by raw HTTP. */

let access_token: string;
beforeAll(async () => {
  ({ access_token } = (await connect()).tokens);
});

const initialize = (protocolVersion: string) => ({
  method: 'initialize',
  params: { protocolVersion, capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
});

function post(body: string, headers: Record<string, string> = {}): Promise<Response> {
  const all = {
    authorization: `Bearer ${access_token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...headers,
  };
  return gate.fetch('/mcp', { method: 'POST', headers: all, body });
}

describe.each(['/mcp', '/'])('a client of sessions at %s', (path) => {
  test('initializes, says so, lists and calls', async () => {
    const started = await callMcp(access_token, { path, ...initialize('2025-11-25') });
    expect(started.status).toBe(200);
    expect(started.body.result).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'gatehouse', title: 'Gatehouse' },
    });
    const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' };
    const accepted = await gate.fetch(path, {
      method: 'POST',
      headers: {
        ...headers,
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    });
    expect([accepted.status, await accepted.text()]).toEqual([202, '']);

    const listed = await callMcp(access_token, { path, method: 'tools/list' });
    expect(listed.body.result).toMatchObject({
      tools: [{ name: 'whoami', title: 'Who am I?', annotations: { readOnlyHint: true } }],
    });
    const called = await callMcp(access_token, { path });
    expect(called.body.result).toMatchObject({ structuredContent: { user: { name: 'Ada' } } });
  });
});

test.each([
  ['2025-06-18', '2025-06-18'],
  ['2025-03-26', '2025-03-26'],
  ['1999-01-01', '2025-11-25'],
])('a client that offers %s is answered with %s', async (offered, answered) => {
  const { body } = await callMcp(access_token, initialize(offered));
  expect(body.result).toMatchObject({ protocolVersion: answered });
});

test('an unknown version later on is 400', async () => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  expect((await post(body, { 'mcp-protocol-version': '1999-01-01' })).status).toBe(400);
});

test('bad JSON is 400 and -32700', async () => {
  for (const body of ['{', '', 'a=b', '\0']) {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: -32700 } });
  }
});

test('JSON that is no message is refused', async () => {
  for (const body of ['null', '1', '"text"', '{}', '{"jsonrpc":"1.0","id":1,"method":"ping"}']) {
    expect((await post(body)).status, body).toBe(400);
  }
});

test('an unknown method, an unknown tool are errors of the protocol', async () => {
  expect((await callMcp(access_token, { method: 'nonsense' })).body.error).toMatchObject({ code: -32601 });
  const call = { method: 'tools/call', params: { name: 'nonsense' } };
  expect((await callMcp(access_token, call)).body.error).toMatchObject({ code: -32602 });
});

test('a body of another type is 415, one that is too large 413', async () => {
  expect((await post('{}', { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await post(`"${'x'.repeat(5_000_000)}"`)).status).toBe(413);
});

test('GET without a stream is 405', async () => {
  const headers = { authorization: `Bearer ${access_token}`, accept: 'text/event-stream' };
  for (const path of ['/', '/mcp']) expect((await gate.fetch(path, { headers })).status).toBe(405);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { judgeFailure, retryAfter } from '../../bin/stdio/network';
import { makeLocalhostCertificate } from '../fixtures/document-certificate';
import { startBridge } from '../fixtures/stdio';
import { type Bridged, bridgeTo, type Got, json, sse } from '../fixtures/stdio-lines';
import { listen } from '../fixtures/upstream-http';

const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: { roots: {} },
  clientInfo: { name: 'c', version: '1' },
};
const TOOLS = [
  { name: 'look', inputSchema: {}, annotations: { readOnlyHint: true } },
  { name: 'pay', inputSchema: {} },
];

/** A server with sessions, which can forget them. `call`: what it does with a call of a tool. */
function sessions(call: (got: Got, response: ServerResponse) => void = () => undefined) {
  let known = '';
  let last = 0;
  const streams: ServerResponse[] = [];
  const handle = (got: Got, response: ServerResponse) => {
    const { id, method } = got.message;
    if (method === 'initialize') {
      known = `session-${++last}`;
      const capabilities = { tools: { listChanged: true }, resources: {} };
      const result = { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 's', version: '1' } };
      return json(response, { jsonrpc: '2.0', id, result }, 200, { 'mcp-session-id': known });
    }
    if (got.headers['mcp-session-id'] !== known) {
      return json(
        response,
        { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } },
        404,
      );
    }
    if (got.method === 'GET') {
      sse(response);
      streams.push(response);
      return;
    }
    if (got.method === 'DELETE' || id === undefined) {
      response.writeHead(got.method === 'DELETE' ? 204 : 202).end();
      return;
    }
    if (method === 'tools/call') return call(got, response);
    json(response, { jsonrpc: '2.0', id, result: method === 'tools/list' ? { tools: TOOLS } : {} });
  };
  return {
    handle,
    streams,
    forget: () => {
      known = '';
    },
  };
}

async function open({ send, answer, got }: Bridged): Promise<void> {
  send({ id: 'open', method: 'initialize', params: INITIALIZE });
  await answer('open');
  send({ method: 'notifications/initialized' });
  send({ id: 'list', method: 'tools/list' });
  await answer('list');
  await expect.poll(() => got.some(({ method }) => method === 'GET')).toBe(true);
}

const calls = ({ got }: Bridged) => got.filter(({ message }) => message.method === 'tools/call').length;
const methods = ({ got }: Bridged) => got.map(({ method, message }) => message.method ?? method);

describe('a session that the server has forgotten', () => {
  test('is opened again as the client opened it, with what it had asked for, and the call is repeated', async () => {
    const server = sessions(({ message: { id } }, response) =>
      json(response, { jsonrpc: '2.0', id, result: {} }),
    );
    const bridged = await bridgeTo(server.handle);
    const { send, answer, got, lines } = bridged;
    await open(bridged);
    send({ id: 1, method: 'logging/setLevel', params: { level: 'error' } });
    send({ id: 2, method: 'resources/subscribe', params: { uri: 'a://b' } });
    send({ id: 3, method: 'resources/subscribe', params: { uri: 'c://d' } });
    await Promise.all([answer(1), answer(2), answer(3)]);
    send({ id: 4, method: 'resources/unsubscribe', params: { uri: 'c://d' } });
    await answer(4);
    server.forget();
    const before = got.length;
    send({ id: 5, method: 'tools/call', params: { name: 'pay' } });
    send({ id: 6, method: 'tools/call', params: { name: 'pay' } });
    expect(await Promise.all([answer(5), answer(6)])).toMatchObject([{ result: {} }, { result: {} }]);
    const again = got.slice(before).filter(({ method }) => method === 'POST');
    expect(again.map(({ message }) => message.method)).toEqual([
      ...['tools/call', 'tools/call', 'initialize', 'notifications/initialized'],
      ...['logging/setLevel', 'resources/subscribe', 'tools/call', 'tools/call'],
    ]);
    expect(again[2]?.message.params).toEqual(INITIALIZE);
    expect(again[5]?.message.params).toEqual({ uri: 'a://b' });
    expect(new Set(again.slice(3).map(({ headers }) => headers['mcp-session-id']))).toEqual(
      new Set(['session-2']),
    );
    expect(lines.filter((line) => line.includes('serverInfo'))).toHaveLength(1);
    expect(lines).toContain('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
    await expect.poll(() => server.streams.length).toBe(2);
  });

  test('ends with the client', async () => {
    const bridged = await bridgeTo(sessions().handle);
    await open(bridged);
    await bridged.bridge.close();
    expect(bridged.got.at(-1)).toMatchObject({
      method: 'DELETE',
      headers: { 'mcp-session-id': 'session-1' },
    });
  });

  test('differs from a server that has never had one', async () => {
    const bridged = await bridgeTo(({ message: { id, method } }, response) => {
      if (method === 'ping') return json(response, {}, 404);
      json(response, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25' } });
    });
    bridged.send({ id: 1, method: 'initialize', params: INITIALIZE });
    await bridged.answer(1);
    bridged.send({ id: 2, method: 'ping' });
    expect((await bridged.answer(2)).error).toMatchObject({ data: { status: 404 } });
    expect(methods(bridged)).toEqual(['initialize', 'ping']);
  });
});

describe('an answer that breaks off', () => {
  const cut = (_: Got, response: ServerResponse) => {
    sse(response);
    response.write(': there\n\n');
    setTimeout(() => response.destroy(), 10);
  };

  test('of a call that may have changed something is an error that says so, and is never sent twice', async () => {
    const bridged = await bridgeTo(sessions(cut).handle);
    await open(bridged);
    bridged.send({ id: 1, method: 'tools/call', params: { name: 'pay' } });
    expect((await bridged.answer(1)).error).toMatchObject({
      code: -32000,
      message: expect.stringContaining('It isn’t known whether the call took effect'),
    });
    expect(calls(bridged)).toBe(1);
  });

  test('of a call that only reads is asked for again', async () => {
    let tries = 0;
    const server = sessions((got, response) => {
      if (++tries === 1) return cut(got, response);
      json(response, { jsonrpc: '2.0', id: got.message.id, result: { tries } });
    });
    const bridged = await bridgeTo(server.handle);
    await open(bridged);
    bridged.send({ id: 1, method: 'tools/call', params: { name: 'look' } });
    expect(await bridged.answer(1)).toMatchObject({ result: { tries: 2 } });
  });

  test('is read on from the last event, where the server numbers them', async () => {
    const server = sessions((_, response) => {
      sse(response);
      response.write('id: e1\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
      setTimeout(() => response.destroy(), 10);
    });
    const bridged = await bridgeTo((got, response) => {
      if (got.headers['last-event-id'] !== 'e1') return server.handle(got, response);
      sse(response);
      response.end('id: e2\ndata: {"jsonrpc":"2.0","id":1,"result":{"resumed":true}}\n\n');
    });
    await open(bridged);
    bridged.send({ id: 1, method: 'tools/call', params: { name: 'pay' } });
    expect(await bridged.answer(1)).toMatchObject({ result: { resumed: true } });
    expect(calls(bridged)).toBe(1);
  });

  test('because the client cancelled it is no error', async () => {
    const bridged = await bridgeTo(
      sessions((_, response) => {
        sse(response);
        setTimeout(() => response.end(), 60);
      }).handle,
      { patience: 2000 },
    );
    await open(bridged);
    bridged.send({ id: 1, method: 'tools/call', params: { name: 'look' } });
    await expect.poll(() => calls(bridged)).toBe(1);
    bridged.send({ method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => methods(bridged)).toContain('notifications/cancelled');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(calls(bridged)).toBe(1);
    expect(bridged.lines.some((line) => line.includes('"id":1,'))).toBe(false);
  });
});

test('the server’s own stream is opened again when it breaks, and says what it says', async () => {
  const server = sessions();
  const bridged = await bridgeTo((got, response) => {
    server.handle(got, response);
    if (got.method === 'GET') response.write('retry: 20\n\n');
  });
  await open(bridged);
  server.streams[0]?.write('id: s1\ndata: {"jsonrpc":"2.0","id":1,"method":"roots/list"}\n\n');
  await expect.poll(() => bridged.lines).toContain('{"jsonrpc":"2.0","id":1,"method":"roots/list"}');
  bridged.send({ id: 1, result: { roots: [] } });
  await expect.poll(() => bridged.got.at(-1)?.body).toContain('"roots":[]');
  server.streams[0]?.destroy();
  await expect.poll(() => server.streams.length).toBe(2);
  expect(bridged.got.at(-1)?.headers['last-event-id']).toBe('s1');
});

test('a credential that is refused in mid-session is an error for everybody who waits, and the end', async () => {
  let valid = true;
  const bridged = await bridgeTo(({ message: { id } }, response) => {
    if (id === 2) return;
    if (!valid) return json(response, { error: 'invalid_token' }, 401, { 'www-authenticate': 'Bearer' });
    json(response, { jsonrpc: '2.0', id, result: {} });
  });
  bridged.send({ id: 1, method: 'ping' });
  await bridged.answer(1);
  bridged.send({ id: 2, method: 'ping' });
  await expect.poll(() => bridged.got.length).toBe(2);
  valid = false;
  bridged.send({ id: 3, method: 'ping' });
  const says = 'the server rejected the key: it is wrong, expired, revoked, or not for this URL';
  expect((await bridged.answer(2)).error).toMatchObject({ message: says });
  expect((await bridged.answer(3)).error).toMatchObject({ message: says });
  expect(await bridged.bridge.failed).toMatchObject({ code: 3, message: says });
});

test('a server that asks to be left alone for a moment is, and then asked again', async () => {
  let tries = 0;
  const bridged = await bridgeTo(
    ({ message: { id } }, response) => {
      if (++tries === 1) return json(response, {}, 503, { 'retry-after': '0' });
      json(response, { jsonrpc: '2.0', id, result: {} });
    },
    { patience: 2000 },
  );
  bridged.send({ id: 1, method: 'tools/call', params: { name: 'pay' } });
  expect(await bridged.answer(1)).toMatchObject({ result: {} });
  expect(tries).toBe(2);
});

test.each([
  ['ECONNREFUSED', 'unsent'],
  ['EAI_AGAIN', 'unsent'],
  ['UND_ERR_CONNECT_TIMEOUT', 'unsent'],
  ['ECONNRESET', 'lost'],
  ['UND_ERR_SOCKET', 'lost'],
  ['SOMETHING_NEW', 'lost'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'hopeless'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'hopeless'],
])('%s means that the request is %s', (code, kind) => {
  expect(judgeFailure(new TypeError('fetch failed', { cause: { code } })).kind).toBe(kind);
});

test.each([
  [503, '7', 7000],
  [429, 'Thu, 01 Jan 1970 00:00:11 GMT', 10_000],
  [503, 'soon', undefined],
  [500, '7', undefined],
])('%s with Retry-After %s is a wait of %s ms', (status, value, wait) => {
  const response = new Response(null, { status, headers: { 'retry-after': value } });
  expect(retryAfter(response as unknown as Parameters<typeof retryAfter>[0], 1000)).toBe(wait);
});

test('a proxy of the environment never sees what goes to this computer', async () => {
  const server = await listen((_, response) =>
    json(response, { jsonrpc: '2.0', id: 1, result: { direct: true } }),
  );
  onTestFinished(server.close);
  const proxy = await listen((_, response) => json(response, {}, 502));
  onTestFinished(proxy.close);
  const bridge = startBridge([server.url], { GATEHOUSE_KEY: 'a-key', HTTP_PROXY: new URL(proxy.url).origin });
  expect(await bridge.request('ping')).toEqual({ direct: true });
});

describe('a proxy of the environment', () => {
  /** A proxy that does this with every tunnel that is asked of it, and how many were. */
  async function proxy(answer: (socket: Duplex) => void) {
    const asked: string[] = [];
    const server = createServer().on('connect', ({ url = '' }, socket: Duplex) => {
      asked.push(url);
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { asked, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
  function through(HTTPS_PROXY: string, more: Record<string, string> = {}) {
    const env = { GATEHOUSE_KEY: 'a-key', HTTPS_PROXY, ...more };
    const bridge = startBridge(['https://mcp.example.com/mcp', '--patience', '1'], env);
    bridge.request('ping').catch(() => undefined);
    return bridge;
  }

  test('leads to the server, with or without a scheme in its address', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-proxy-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { ca, ...certificate } = makeLocalhostCertificate('mcp.example.com');
    const NODE_EXTRA_CA_CERTS = join(folder, 'ca.pem');
    writeFileSync(NODE_EXTRA_CA_CERTS, ca);
    const server = createSecureServer(certificate, (_, response) =>
      json(response, { jsonrpc: '2.0', id: 1, result: { tunnelled: true } }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { asked, address } = await proxy((socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(connect((server.address() as AddressInfo).port, '127.0.0.1')).pipe(socket);
    });
    for (const one of [address, `http://${address}/`]) {
      const bridge = through(one, { NODE_EXTRA_CA_CERTS });
      await expect.poll(() => bridge.received).toMatchObject([{ result: { tunnelled: true } }]);
      bridge.closeStdin();
      expect(await bridge.ended).toBe(0);
    }
    expect(asked).toEqual(Array(2).fill('mcp.example.com:443'));
  });

  test.each([
    [
      'that asks for a password',
      'the proxy answered 407',
      (socket: Duplex) => void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    ],
    [
      'that hangs up',
      'the proxy couldn’t be used: the connection was closed unexpectedly',
      (socket: Duplex) => void socket.destroy(),
    ],
  ])('%s is reported, and it is asked a few times', async (_, says, answer) => {
    const { asked, address } = await proxy(answer);
    const bridge = through(address);
    expect(await bridge.ended).toBe(4);
    expect(bridge.log()).toContain(`mcp.example.com can’t be reached: ${says}`);
    expect(new Set(asked)).toEqual(new Set(['mcp.example.com:443']));
    expect(asked.length).toBeLessThan(6);
  });

  test('that isn’t there differs from a server that isn’t', async () => {
    const gone = await listen(() => undefined);
    await gone.close();
    const bridge = through(new URL(gone.url).origin);
    expect(await bridge.ended).toBe(4);
    expect(bridge.log()).toContain('the proxy couldn’t be used: the connection was refused');
  });

  test('whose address isn’t valid is named by its variable, without the value', async () => {
    const bridge = through('ftp://user:secret@proxy');
    expect(await bridge.ended).toBe(1);
    expect(bridge.log()).toContain('HTTPS_PROXY isn’t a proxy URL');
    expect(bridge.log()).not.toContain('secret');
  });
});

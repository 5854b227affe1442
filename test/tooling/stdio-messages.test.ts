import { describe, expect, test } from 'vitest';
import { bridgeTo, json, sse } from '../fixtures/stdio-lines';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const call = (id: unknown, name: string, args: object = {}) => ({
  ...{ id, method: 'tools/call', params: { name, arguments: args, _meta: META } },
});

describe('what the client and the server say to each other', () => {
  test('arrives byte by byte, with members and ids that no schema knows', async () => {
    const asked =
      '{"jsonrpc":"2.0", "id":"x\u2028","method":"new/thing","params":{"n":12345678901234567890},"more":[1.0]}';
    const said = '{"jsonrpc":"2.0","method":"new/word","more":{"n":1.50}}';
    const answered = '{"jsonrpc":"2.0","id":"x\u2028","result":{"n":98765432109876543210},"more":1}';
    const { send, got, lines, answer } = await bridgeTo((_, response) => {
      sse(response);
      response.end(
        `data: ${said}\n\nevent: message\ndata: ${answered.replace(',"more"', '\ndata: ,"more"')}\n\n`,
      );
    });
    send(asked);
    await answer('x\u2028');
    expect(got.map(({ body }) => body)).toEqual([asked]);
    expect(lines).toEqual([said, answered.replace(',"more"', ' ,"more"')]);
  });

  test('ids that differ by type only are two requests', async () => {
    const { send, answer } = await bridgeTo(async ({ message: { id } }, response) => {
      if (id === 1) await new Promise((resolve) => setTimeout(resolve, 50));
      json(response, { jsonrpc: '2.0', id, result: { type: typeof id } });
    });
    send({ id: 1, method: 'ping' });
    send({ id: '1', method: 'ping' });
    expect(await answer('1')).toMatchObject({ result: { type: 'string' } });
    expect(await answer(1)).toMatchObject({ result: { type: 'number' } });
  });

  test('a line that isn’t a message gets an error, and the next one goes through', async () => {
    const { send, lines, answer } = await bridgeTo(({ message: { id } }, response) =>
      json(response, { jsonrpc: '2.0', id, result: {} }),
    );
    for (const line of ['{"jsonrpc":', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', '{"id":7}', '5'])
      send(line);
    send({ id: 2, method: 'ping' });
    await answer(2);
    const codes = lines.map((line) => (JSON.parse(line) as { error?: { code: number } }).error?.code);
    expect(codes).toEqual([-32700, -32600, -32600, -32600, undefined]);
  });

  test('an answer that nobody asked for, or a second one, never reaches the client', async () => {
    const { send, lines, answer } = await bridgeTo(({ message: { id: asked } }, response) => {
      if (asked === 2) return json(response, { jsonrpc: '2.0', id: 2, result: {} });
      sse(response);
      for (const id of [9, 1, 1]) response.write(`data: {"jsonrpc":"2.0","id":${id},"result":{}}\n\n`);
      response.end();
    });
    send({ id: 1, method: 'ping' });
    await answer(1);
    // All of the first answer has come before another one is asked for and here.
    send({ id: 2, method: 'ping' });
    await answer(2);
    expect(lines).toHaveLength(2);
  });
});

describe('a message of the stateless revision', () => {
  test('carries the headers that repeat it, in Base64 where a header can’t hold it', async () => {
    const { send, got, answer } = await bridgeTo(({ message: { id } }, response) =>
      json(response, { jsonrpc: '2.0', id, result: {} }),
    );
    send(call(1, 'käse'));
    send({ id: 2, method: 'resources/read', params: { uri: 'a://b', _meta: META } });
    await Promise.all([answer(1), answer(2)]);
    const sent = got.map(({ headers }) => [
      ...[
        headers['mcp-protocol-version'],
        headers['mcp-method'],
        headers['mcp-name'],
        headers['mcp-session-id'],
      ],
    ]);
    expect(sent).toEqual([
      ['2026-07-28', 'tools/call', '=?base64?a8Okc2U=?=', undefined],
      ['2026-07-28', 'resources/read', 'a://b', undefined],
    ]);
    expect(got[0]?.headers.authorization).toBe('Bearer a-key-of-the-test');
  });

  test('repeats the arguments that the tool wants as headers, which it asks for when it must', async () => {
    const tools = [
      {
        name: 'query',
        inputSchema: {
          properties: {
            region: { type: 'string', 'x-mcp-header': 'Region' },
            deep: { properties: { dry: { type: 'boolean', 'x-mcp-header': 'Dry-Run' } } },
          },
        },
      },
    ];
    const { send, got, answer } = await bridgeTo(({ message: { id, method }, headers }, response) => {
      if (method === 'tools/list') return json(response, { jsonrpc: '2.0', id, result: { tools } });
      if (headers['mcp-param-region'] !== undefined)
        return json(response, { jsonrpc: '2.0', id, result: {} });
      json(response, { jsonrpc: '2.0', id, error: { code: -32020, message: 'Region is missing' } }, 400);
    });
    send(call(1, 'query', { region: 'eu west ', deep: { dry: false } }));
    expect(await answer(1)).toMatchObject({ result: {} });
    expect(got.map(({ message }) => message.method)).toEqual(['tools/call', 'tools/list', 'tools/call']);
    expect(got[2]?.headers['mcp-param-region']).toBe('=?base64?ZXUgd2VzdCA=?=');
    expect(got[2]?.headers['mcp-param-dry-run']).toBe('false');
    send(call(2, 'query', { deep: {} }));
    expect(await answer(2)).toMatchObject({ error: { code: -32020, message: 'Region is missing' } });
  });

  test('is cancelled by closing its stream, and the server gets no notification', async () => {
    const { send, got, lines } = await bridgeTo((_, response) => sse(response));
    send(call(1, 'slow'));
    await expect.poll(() => got.length).toBe(1);
    send({ method: 'notifications/cancelled', params: { requestId: 1, _meta: META } });
    await expect.poll(() => got[0]?.left).toBe(true);
    expect(got).toHaveLength(1);
    expect(lines).toEqual([]);
  });
});

describe('a refusal', () => {
  test.each([
    [
      'its own JSON-RPC error, whatever the status',
      404,
      { jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'No' } },
      { code: -32601, message: 'No' },
    ],
    [
      'one without an id',
      400,
      { jsonrpc: '2.0', id: null, error: { code: -32022, message: 'Old', data: { supported: [] } } },
      { code: -32022, message: 'Old', data: { supported: [] } },
    ],
    [
      'words of its own',
      500,
      { error: 'broken', error_description: 'Try later' },
      { code: -32000, message: 'The server answered 500: Try later', data: { status: 500 } },
    ],
    [
      'a page',
      502,
      '<h1>Bad gateway</h1>',
      {
        code: -32000,
        message: 'The server answered 502: the server has a problem',
        data: { status: 502 },
      },
    ],
  ])('reaches the client with the request’s id: %s', async (_, status, body, error) => {
    const { send, answer } = await bridgeTo((__, response) => json(response, body, status));
    send(call(1, 'x'));
    expect((await answer(1)).error).toEqual(error);
  });

  test('for a missing scope names the scope, and the bridge stays', async () => {
    const { send, answer } = await bridgeTo(({ message: { id } }, response) => {
      if (id === 2) return json(response, { jsonrpc: '2.0', id, result: {} });
      const challenge = 'Bearer error="insufficient_scope", scope="mcp:read mcp:write"';
      json(response, { error: 'insufficient_scope' }, 403, { 'www-authenticate': challenge });
    });
    send(call(1, 'x'));
    expect((await answer(1)).error).toMatchObject({ data: { status: 403, scope: 'mcp:read mcp:write' } });
    send(call(2, 'x'));
    expect(await answer(2)).toMatchObject({ result: {} });
  });

  test('by a hotel’s sign-in page, or by a redirect, is no answer of the server’s', async () => {
    const { send, got, answer } = await bridgeTo(({ message: { id } }, response) => {
      if (id === 1) response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>');
      else response.writeHead(307, { location: 'https://other.example/mcp?key=1' }).end();
    });
    send(call(1, 'x'));
    send(call(2, 'x'));
    expect((await answer(1)).error).toMatchObject({
      message: expect.stringContaining('isn’t MCP (200 text/html)'),
    });
    expect((await answer(2)).error).toMatchObject({
      message: expect.stringContaining('it redirects to https://other.example/mcp, and'),
    });
    expect(got).toHaveLength(2);
  });
});

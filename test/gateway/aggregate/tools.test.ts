import { beforeAll, describe, expect, test } from 'vitest';
import { connectWith, gateBefore, messageOf, realServer, scripted } from '../../fixtures/mcp-server';
import { type Answer, callMcp, type Gate } from '../../fixtures/worker';

const one = realServer();
const two = realServer();
const dead = scripted(() => Promise.reject(new Error('down')));
const secret = realServer();
const at = gateBefore({
  one: { behind: one },
  two: { behind: two, setting: { tools: [{ match: 'erase', access: 'hidden' }] } },
  dead: { behind: dead },
  secret: { behind: secret, setting: { groups: ['nobody'] } },
});
const ALL = ['one', 'two', 'dead', 'secret'];

async function tokenFor(servers: string[], scope: string[], gate: Gate = at): Promise<string> {
  return (await connectWith(gate, `${gate.origin}/mcp`, servers, { scope })).tokens.access_token;
}

function call(token: string, name: string, args: object = {}, gate: Gate = at): Promise<Answer> {
  return callMcp(token, { gate, params: { name, arguments: args } });
}

async function list(token: string, gate: Gate = at): Promise<{ name: string; annotations: object }[]> {
  const { body } = await callMcp(token, { gate, method: 'tools/list' });
  return (body as { result: { tools: { name: string; annotations: object }[] } }).result.tools;
}

function calls(server: typeof one): unknown[] {
  return server.received.map(messageOf).filter(({ method }) => method === 'tools/call');
}

describe('the tools of all servers at /mcp', () => {
  let token: string;
  beforeAll(async () => {
    token = await tokenFor(ALL, ['mcp:write']);
  });

  test('stand under one list, with what the gate decided, and a dead server costs only its own', async () => {
    const tools = await list(token);
    expect(tools.map(({ name }) => name)).toEqual([
      'whoami',
      'one_look',
      'one_add',
      'one_erase',
      'one_mystery',
      'two_look',
      'two_add',
      'two_mystery',
    ]);
    const hints = Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]));
    expect(hints.one_mystery).toMatchObject({ readOnlyHint: false, destructiveHint: true });
  });

  test('are called at their own server, and no other', async () => {
    const before = calls(two).length;
    const { status, body } = await call(token, 'one_add', { text: 'hello' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ result: { content: [{ text: 'add: hello' }] } });
    expect(calls(two)).toHaveLength(before);
  });

  test('are refused with every scope that they need, without asking the server', async () => {
    const before = calls(one).length;
    const { status, headers } = await call(token, 'one_erase');
    expect(status).toBe(403);
    expect(headers.get('www-authenticate')).toContain('scope="mcp:read mcp:write mcp:destructive"');
    expect(calls(one)).toHaveLength(before);
  });

  test.each(['two_erase', 'secret_look', 'one_nothing', 'nothing', 'three_look'])(
    '%s is answered like something that does not exist',
    async (name) => {
      const { status, body } = await call(token, name);
      expect(status).toBe(200);
      expect(body).toMatchObject({ error: { code: -32602, message: `Unknown tool: ${name}` } });
    },
  );

  test('of a server that is down are refused with its name, whether it has them or not', async () => {
    const { status, body } = await call(token, 'dead_look');
    expect(status).toBe(502);
    expect(body).toMatchObject({ error: { message: 'The server “dead” can’t be reached' } });
  });

  test('whoami names the servers that may be used, and those that do not answer', async () => {
    const { body } = await call(token, 'whoami');
    const { structuredContent } = (body as { result: { structuredContent: object } }).result;
    expect(structuredContent).toMatchObject({ servers: ['one', 'two', 'dead'], unavailable: ['dead'] });
  });
});

test('a server that was not selected is absent, and so is one added after the grant', async () => {
  const token = await tokenFor(['one'], ['mcp:read']);
  expect((await list(token)).map(({ name }) => name.split('_')[0])).not.toContain('two');
  const grown = gateBefore({ one: { behind: one }, late: { behind: realServer() } });
  expect(JSON.stringify(await list(token, grown))).not.toContain('late_');
  expect((await call(token, 'late_look', {}, grown)).body).toMatchObject({ error: { code: -32602 } });
});

test('a server that fails in the middle of a call says so, by its title and not its address', async () => {
  let broken = false;
  const real = realServer();
  const behind = {
    ...real,
    fetch: (request: Request) =>
      broken ? Promise.reject(new Error('10.0.0.7 refused')) : real.fetch(request),
  };
  const gate = gateBefore({ frail: { behind, setting: { title: 'Frail things' } } });
  const token = await tokenFor(['frail'], ['mcp:write'], gate);
  expect((await list(token, gate)).map(({ name }) => name)).toContain('frail_look');
  broken = true;
  const { body } = await call(token, 'frail_look', {}, gate);
  const { result } = body as { result: { isError: boolean; content: { text: string }[] } };
  expect(result.isError).toBe(true);
  expect(result.content[0]?.text).toContain('“Frail things”');
  expect(JSON.stringify(body)).not.toContain('10.0.0.7');
});

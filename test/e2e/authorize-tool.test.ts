import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Exchange } from '../fixtures/upstream-exchange';
import { type ModernUpstream, startModern } from '../fixtures/upstream-modern';
import { type Gate, startGate } from './harness/gate';
import { walk } from './harness/walk';

/* `UNAUTHENTICATED = "authorize_tool"`: an app that can't sign in by itself, and what its person does for it. */

let gate: Gate;
let shop: ModernUpstream;
beforeAll(async () => {
  shop = await startModern();
  const SERVERS = [{ name: 'shop', title: 'Shop', url: shop.url, auth: 'none' }];
  gate = await startGate({ vars: { SERVERS, UNAUTHENTICATED: 'authorize_tool' } });
});
afterAll(() => Promise.all([gate?.stop(), shop?.close()]));

async function connect() {
  const exchange = new Exchange();
  const transport = new StreamableHTTPClientTransport(new URL(`${gate.origin}/mcp`));
  const client = new Client({ name: 'Plain app', version: '1.0.0' });
  exchange.begin('connect');
  await client.connect(exchange.tap(transport) as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  const names = async () => (await client.listTools()).tools.map(({ name }) => name);
  const say = async (name: string) => {
    const { content } = (await client.callTool({ name })) as { content: { text: string }[] };
    return content[0]?.text ?? '';
  };
  return { client, transport, exchange, names, say };
}

/** The link and the code of the tool's answer. */
function readAnswer(text: string): { link: string; code: string } {
  const [, link = '', code = ''] = /Open (\S+) in .* the code ([A-Z-]{9})/.exec(text) ?? [];
  return { link, code };
}

/** Opens the link as somebody, confirms the code, and allows. */
async function allow(link: string, name: string) {
  const person = walk(gate);
  await person.open(link);
  await person.signInLocal(name);
  const compare = person.form('user_code');
  await person.submit(compare, {});
  return person.submit(person.form('decision'), {
    scope: ['mcp:write'],
    server: ['shop'],
    decision: 'allow',
  });
}

test('an app that can’t sign in has one tool, and all of them once its person has signed in', async () => {
  const { exchange, names, say } = await connect();
  expect(await names()).toEqual(['authorize']);
  const { link, code } = readAnswer(await say('authorize'));
  expect(new URL(link).origin).toBe(gate.origin);
  expect(new URL(link).searchParams.get('user_code')).toBe(code);
  // Asked again meanwhile, it is the same: a person with the first link is not turned away.
  expect(readAnswer(await say('authorize')).link).toBe(link);
  await allow(link, 'Ada');
  await exchange.notified('notifications/tools/list_changed');
  const after = await names();
  expect(after).toContain('whoami');
  expect(after).toContain('shop_find');
  expect(after).not.toContain('authorize');
  expect(JSON.parse(await say('whoami'))).toMatchObject({ user: { name: 'Ada' }, client: 'Plain app' });
  expect(gate.log()).not.toContain('Uncaught');
});

test('it is the user’s until it ends: they see it among their apps, and what they revoke is over', async () => {
  const { client, names, say } = await connect();
  const { link } = readAnswer(await say('authorize'));
  const person = walk(gate);
  await person.open(link);
  await person.signInLocal('Grace');
  await person.submit(person.form('user_code'), {});
  await person.submit(person.form('decision'), { scope: ['mcp:read'], server: ['shop'], decision: 'allow' });
  expect(await names()).toContain('shop_find');
  const { items } = JSON.parse((await person.open('/api/grants')).html) as {
    items: { id: string; client_name: string }[];
  };
  expect(items.map(({ client_name }) => client_name)).toEqual(['Plain app']);
  const url = new URL(`/api/grants/${items[0]?.id}`, gate.origin);
  const headers = { cookie: person.cookies.header(url) ?? '', origin: gate.origin };
  expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(204);
  await expect(client.listTools()).rejects.toThrow();
});

test('who says no leaves it as it was, and a call of a tool that needs somebody is refused', async () => {
  const { client, names, say } = await connect();
  const { link } = readAnswer(await say('authorize'));
  const person = walk(gate);
  await person.open(link);
  await person.signInLocal('Eve');
  await person.submit(person.form('user_code'), {});
  await person.submit(person.form('decision'), { decision: 'deny' });
  expect(await names()).toEqual(['authorize']);
  await expect(client.callTool({ name: 'shop_find', arguments: { text: 'x' } })).rejects.toThrow(/-32602/);
  await expect(client.callTool({ name: 'whoami' })).rejects.toThrow(/-32602/);
  expect(readAnswer(await say('authorize')).link).not.toBe(link);
});

test('its session id is the whole of it: without it, or in the 2026 era, there is the challenge', async () => {
  const post = (body: object, headers: Record<string, string> = {}) =>
    fetch(`${gate.origin}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    });
  expect((await post({ method: 'tools/list' })).status).toBe(401);
  expect((await post({ method: 'tools/list' }, { 'mcp-session-id': 'made-up' })).status).toBe(404);
  const wrong = { authorization: 'Bearer nonsense' };
  expect((await post({ method: 'initialize', params: {} }, wrong)).status).toBe(401);
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
  expect((await post({ method: 'tools/list', params: { _meta } }, modern)).status).toBe(401);
});

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Gate } from './harness/gate';
import { type Granted, grant } from './harness/oauth';
import { mergedGate } from './harness/shared';

let gate: Gate;
beforeAll(async () => {
  ({ gate } = await mergedGate());
});

const endpoint = () => new URL(`${gate.origin}/mcp/everything`);

function allow(scope: string, earlier?: Granted): Promise<Granted> {
  const same = earlier ? { client: earlier.client, walker: earlier.walker } : {};
  const choices = { scopes: [scope], servers: ['everything'] };
  return grant(gate, 'Ada', { params: { resource: endpoint().href }, choices, ...same });
}

/** A client whose token can be changed while it is connected, as after a step-up. */
async function connect(granted: Granted) {
  const bearer = { token: granted.tokens.access_token };
  const transport = new StreamableHTTPClientTransport(endpoint(), {
    fetch: (input, init) => {
      const headers = new Headers(init?.headers as HeadersInit);
      headers.set('authorization', `Bearer ${bearer.token}`);
      return fetch(input as URL, { ...(init as RequestInit), headers }) as Promise<globalThis.Response>;
    },
  });
  const client = new Client({ name: 'e2e', version: '1.0.0' });
  // Its `sessionId` is optional where the SDK's own interface has it undefined.
  await client.connect(transport as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  const echo = async (message: string) =>
    (await client.callTool({ name: 'echo', arguments: { message } })).content;
  return { client, transport, bearer, echo };
}

test('a session outlives a crash of the gate: the client goes on with the same id', async () => {
  const { transport, echo, client } = await connect(await allow('mcp:destructive'));
  await echo('before');
  const id = transport.sessionId;
  expect(id).toBeDefined();
  await gate.kill();
  await gate.restart();
  expect(await echo('after')).toEqual([{ type: 'text', text: 'Echo: after' }]);
  expect(transport.sessionId).toBe(id);
  await client.setLoggingLevel('error');
  await transport.terminateSession();
  await expect(echo('ended')).rejects.toThrow();
});

test('a session outlives a step-up: a new grant of the same client, with more scope', async () => {
  const read = await allow('mcp:read');
  const { transport, echo, client, bearer } = await connect(read);
  await echo('before');
  const id = transport.sessionId;
  const toggle = () => client.callTool({ name: 'toggle-simulated-logging' });
  await expect(toggle()).rejects.toThrow(/insufficient|403/);
  const more = await allow('mcp:destructive', read);
  bearer.token = more.tokens.access_token;
  const content = [{ type: 'text', text: expect.stringContaining('Started simulated') }];
  expect(await toggle()).toMatchObject({ content });
  expect(transport.sessionId).toBe(id);
  await toggle();
});

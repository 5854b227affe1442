import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Behind, type Connected, messageOf, scripted } from '../../fixtures/mcp-server';
import { connectMerged, deploy, eventually, InSession, LIST_CHANGED } from '../../fixtures/mcp-session';

/** A server of revision 2026-07-28, which tells what changes to those who listen. */
function modernServer() {
  const handler = createMcpHandler(
    () => {
      const capabilities = {
        resources: { subscribe: true, listChanged: true },
        tools: { listChanged: true },
      };
      const server = new McpServer({ name: 'modern', version: '1.0.0' }, { capabilities });
      const annotations = { readOnlyHint: true };
      server.registerTool('look', { inputSchema: z.object({}), annotations }, async () => ({
        content: [{ type: 'text', text: 'looked' }],
      }));
      server.registerResource('prices', 'shop://prices', {}, async (uri) => ({
        contents: [{ uri: uri.href, text: 'Cheap' }],
      }));
      return server;
    },
    { keepAliveMs: 0 },
  );
  const behind: Behind = scripted(({ url, method, headers, text, signal }) =>
    handler.fetch(new Request(url, { method, headers, signal, ...(text === '' ? {} : { body: text }) })),
  );
  const listens = () =>
    behind.received.map(messageOf).filter((said) => said.method === 'subscriptions/listen');
  return { behind, listens, notify: handler.notify };
}

const modern = modernServer();
const gate = deploy({ modern: { behind: modern.behind } });
let ada: Connected;
beforeAll(async () => {
  ada = await connectMerged(gate, ['modern']);
});

test('a client of 2025 hears what changes at a server of 2026: its lists, and the resources that it watches', async () => {
  const session = await InSession.begin(ada);
  const stream = await session.listen();
  expect(await session.call('modern_look')).toBe('looked');
  expect(await eventually(() => modern.listens().length === 1)).toBe(true);
  const uri = 'mcp+modern+shop://prices';
  expect(await session.request('resources/subscribe', { uri })).toMatchObject({ result: {} });
  expect(await eventually(() => modern.listens().length === 2)).toBe(true);
  expect(modern.listens().at(-1)?.params?.notifications).toMatchObject({
    resourceSubscriptions: ['shop://prices'],
  });
  modern.notify.resourceUpdated('shop://prices');
  const { message } = await stream.said('notifications/resources/updated');
  expect(message.params).toMatchObject({ uri });
  modern.notify.toolsChanged();
  await stream.said(LIST_CHANGED[0]);
  expect(stream.count(LIST_CHANGED[0])).toBe(1);
  expect(stream.count('notifications/resources/updated')).toBe(1);
  await stream.leave();
});

test('a resource that is watched no longer is not told of', async () => {
  const session = await InSession.begin(ada);
  const stream = await session.listen();
  const uri = 'mcp+modern+shop://prices';
  await session.request('resources/subscribe', { uri });
  await session.request('resources/unsubscribe', { uri });
  const last = () => modern.listens().at(-1)?.params?.notifications as object;
  expect(await eventually(() => !('resourceSubscriptions' in last()))).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  modern.notify.resourceUpdated('shop://prices');
  modern.notify.toolsChanged();
  await stream.said(LIST_CHANGED[0]);
  expect(stream.count('notifications/resources/updated')).toBe(0);
  await stream.leave();
});

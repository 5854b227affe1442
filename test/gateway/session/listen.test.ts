import { beforeAll, expect, test } from 'vitest';
import { listeningServer } from '../../fixtures/mcp-listening-server';
import type { Connected } from '../../fixtures/mcp-server';
import { connectMerged, deploy, eventually, InSession, LIST_CHANGED } from '../../fixtures/mcp-session';

const modern = listeningServer();
const gate = deploy({ modern: { behind: modern.behind } });
let ada: Connected;
beforeAll(async () => {
  ada = await connectMerged(gate, ['modern']);
});

test('a client of 2025 gets changes at a server of 2026: its lists, and the resources that it watches', async () => {
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

test('a resource that is no longer watched sends no update', async () => {
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

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { deploymentAt } from '../../../src/config/deployment';
import { sealSessionId } from '../../../src/gateway/request/session-id';
import { startClock } from '../../fixtures/clock';
import { connectMerged, deploy, EventStream, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { DUMPED_AT, loadSql } from '../../fixtures/schemas/dump';
import dumped from '../../fixtures/schemas/mcp-session-v1.json';
import first from '../../fixtures/schemas/mcp-session-v1.sql?raw';
import second from '../../fixtures/schemas/mcp-session-v2.sql?raw';
import third from '../../fixtures/schemas/mcp-session-v3.sql?raw';

const one = sessionServer();
const gate = deploy({ one: { behind: one } });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: DUMPED_AT + 60_000 });
});
afterEach(startClock);

test.each([
  [1, first],
  [2, second],
  [3, third],
])(
  'a session of schema version %i goes on: what was missed, what was broken off, what it watches',
  async (_, sql) => {
    const ada = await connectMerged(gate, ['one'], { user: { name: "Ada O'Neill" }, scope: ['mcp:read'] });
    const object = env.MCP_SESSION.get(env.MCP_SESSION.newUniqueId());
    await loadSql(object, sql);
    const deployment = await deploymentAt(env, { origin: gate.origin, local: true, requestId: '' });
    const owner = { server: '', user: dumped.user, client: dumped.client.client_id };
    const session = InSession.of(ada, await sealSessionId(deployment, owner, object.id.toString()));

    const stream = await session.listen(dumped.heard[0]);
    const missed = await stream.said('notifications/message');
    expect(missed).toMatchObject({ id: dumped.heard[1], message: { params: { data: 'second' } } });
    const broken = new EventStream(
      await session.fetch('GET', undefined, { 'last-event-id': dumped.interrupted }),
    );
    const { message } = await broken.until(({ message: { error } }) => error !== undefined);
    expect(message).toMatchObject({ id: 3, error: { code: -32603 } });
    expect(await session.call('one_look')).toMatch(/^look/);
    expect(one.methods()).toEqual(expect.arrayContaining(['logging/setLevel', 'resources/subscribe']));
    await stream.leave();
  },
);

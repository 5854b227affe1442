import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Account } from '../../../src';
import { META, MODERN } from '../../fixtures/mcp-server-caller';
import {
  connectMerged,
  deploy,
  EventStream,
  eventually,
  InSession,
  LIST_CHANGED,
  TOOLS_CHANGED,
} from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { accountOf, revoke } from '../../fixtures/worker';

const open = sessionServer();
const staff = sessionServer();
const gate = deploy(
  { open: { behind: open }, staff: { behind: staff, setting: { groups: ['staff'] } } },
  {
    ROLES: [
      { role: 'owner', provider: 'local', groups: ['staff'] },
      { role: 'viewer', provider: 'local', groups: ['guests'] },
    ],
  },
);
const SERVERS = ['open', 'staff'];

let name = '';
beforeEach(({ task }) => {
  name = `Ada of ${task.id}`;
});
const streams: EventStream[] = [];
afterEach(async () => {
  await Promise.all(streams.splice(0).map((stream) => stream.leave()));
});

/** Signs the user in again: the provider says now that they are in these groups. */
const arrive = (groups: string) => connectMerged(gate, SERVERS, { user: { name, groups } });

async function listening(session: InSession): Promise<EventStream> {
  const stream = await session.listen();
  streams.push(stream);
  return stream;
}

/** Long enough for what would be told to have come. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 100));
const changes = (stream: EventStream) => LIST_CHANGED.map((method) => stream.count(method));

describe('rights that change in the middle of a session', () => {
  test('are announced at once, each list once, and apply from the next request', async () => {
    const session = await InSession.begin(await arrive('staff'));
    const stream = await listening(session);
    expect(await session.tools()).toEqual(expect.arrayContaining(['open_erase', 'staff_look']));
    expect(await session.call('open_erase')).toBe('gone');
    await arrive('guests');
    await stream.said(LIST_CHANGED[2]);
    const tools = await session.tools();
    expect(tools).toContain('open_look');
    expect(tools.filter((tool) => tool === 'open_erase' || tool.startsWith('staff_'))).toEqual([]);
    expect(await session.call('open_erase')).toBe('Unknown tool: open_erase');
    expect(await session.call('staff_look')).toBe('Unknown tool: staff_look');
    await aWhile();
    expect(changes(stream)).toEqual([1, 1, 1]);
  });

  test('reach a client that had no stream open when it opens one, once', async () => {
    const session = await InSession.begin(await arrive('staff'));
    await session.tools();
    await arrive('guests');
    const stream = await listening(session);
    await stream.said(LIST_CHANGED[2]);
    await session.tools();
    await aWhile();
    expect(changes(stream)).toEqual([1, 1, 1]);
  });

  test('are no news when a request says that they are as they were', async () => {
    const session = await InSession.begin(await arrive('staff'));
    const stream = await listening(session);
    await session.tools();
    await arrive('staff');
    await session.call('open_look');
    await aWhile();
    expect(changes(stream)).toEqual([0, 0, 0]);
  });

  test('end what a server that may be used no longer says, though its session stands', async () => {
    const session = await InSession.begin(await arrive('staff'));
    const stream = await listening(session);
    await session.call('staff_look');
    await session.call('open_look');
    const [mine] = staff.sessions().slice(-1);
    expect(await eventually(() => staff.listensIn(mine) && open.listeners() > 0)).toBe(true);
    await arrive('guests');
    await stream.said(LIST_CHANGED[2]);
    expect(await eventually(() => !staff.listensIn(mine))).toBe(true);
    await staff.log('error', 'for staff only');
    await open.log('error', 'for everybody');
    await stream.until(({ message }) => message.params?.data === 'for everybody');
    await aWhile();
    expect(JSON.stringify(stream.events)).not.toContain('for staff only');
  });

  test.each(['that come back bring back', 'that are new bring'])('%s what the server says', async (kind) => {
    const connected = await arrive('staff');
    const isNew = kind.startsWith('that are new');
    if (isNew) await arrive('guests');
    const session = await InSession.begin(connected);
    const stream = await listening(session);
    if (!isNew) {
      await session.call('staff_look');
      await arrive('guests');
      await stream.said(TOOLS_CHANGED);
    }
    const told = stream.count(TOOLS_CHANGED);
    await arrive('staff');
    await stream.until(() => stream.count(TOOLS_CHANGED) === told + 1);
    await session.call('staff_look');
    const [mine] = staff.sessions().slice(-1);
    expect(await eventually(() => staff.listensIn(mine))).toBe(true);
    await staff.log('error', 'for staff again');
    await stream.until(({ message }) => message.params?.data === 'for staff again');
  });

  test('are noticed though they changed before anybody watched over them', async () => {
    const session = await InSession.begin(await arrive('staff'));
    let changed: Promise<unknown> = Promise.resolve();
    const fetch = Account.prototype.fetch;
    const late = vi.spyOn(Account.prototype, 'fetch').mockImplementationOnce(async function (
      this: Account,
      request: Request,
    ) {
      changed = arrive('guests');
      await changed;
      return fetch.call(this, request);
    });
    const stream = await listening(session);
    await stream.said(LIST_CHANGED[2]);
    await aWhile();
    expect(changes(stream)).toEqual([1, 1, 1]);
    late.mockRestore();
  });

  test('that are none at all end the stream', async () => {
    const mine = await arrive('staff');
    const session = await InSession.begin(mine);
    const stream = await listening(session);
    // Who comes by `local` has a role always: so this one comes as from a provider that no rule names.
    const { access_token } = mine.tokens;
    const user = access_token.split(':')[0] ?? '';
    const nobody = { provider: 'gone', issuer: 'https://gone.example', subject: 'a', name, email: undefined };
    const identity = { ...nobody, email_verified: false, groups: [] };
    await accountOf(access_token).signIn(user, identity, { userAgent: '', ttl: 60 });
    await stream.end();
    expect((await session.fetch('POST', { id: 1, method: 'tools/list' })).status).toBe(401);
  });
});

describe('a grant that ends', () => {
  test('ends its own stream and that of a call under way, and leaves another client alone', async () => {
    const mine = await arrive('staff');
    const session = await InSession.begin(mine);
    const other = await InSession.begin(await arrive('staff'));
    const [stream, others] = [await listening(session), await listening(other)];
    const call = await session.open('tools/call', { name: 'open_wait', arguments: {} });
    // A call is watched over when it is longer than most.
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await revoke(mine, mine.tokens.refresh_token);
    await Promise.all([stream.end(), call.end()]);
    expect(call.events).toEqual([]);
    await aWhile();
    expect(others.ended).toBe(false);
    expect((await session.fetch('POST', { id: 1, method: 'ping' })).status).toBe(401);
    open.release();
  });
});

describe('a client of 2026 that listens', () => {
  /** `subscriptions/listen` by raw HTTP. */
  async function subscribe({ tokens }: { tokens: { access_token: string } }): Promise<EventStream> {
    const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const params = { notifications, _meta: META };
    const method = 'subscriptions/listen';
    const response = await gate.fetch('/mcp', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens.access_token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': MODERN,
        'mcp-method': method,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const stream = new EventStream(response);
    streams.push(stream);
    return stream;
  }

  test('gets changes of rights, each list once, and nothing more of a server that it lost', async () => {
    const before = staff.listeners();
    const stream = await subscribe(await arrive('staff'));
    expect(await eventually(() => staff.listeners() === before + 1)).toBe(true);
    await staff.changeTools();
    await stream.said(TOOLS_CHANGED);
    await arrive('guests');
    await stream.until(() => stream.count(TOOLS_CHANGED) === 2);
    expect(await eventually(() => staff.listeners() === before)).toBe(true);
    await aWhile();
    expect(changes(stream)).toEqual([2, 1, 1]);
    await open.changeTools();
    await stream.until(() => stream.count(TOOLS_CHANGED) === 3);
  });

  test('is cut off when its grant ends', async () => {
    const mine = await arrive('staff');
    const stream = await subscribe(mine);
    expect(stream.response.status).toBe(200);
    await revoke(mine, mine.tokens.refresh_token);
    await stream.end();
  });
});

import { createExecutionContext, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import worker from '../../../src';
import { makeKey } from '../../fixtures/keys';
import { type Connected, messageOf, ORIGIN, realServer, scripted } from '../../fixtures/mcp-server';
import { Caller, type Era } from '../../fixtures/mcp-server-caller';
import { connectMerged, deploy, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { callsOf, claimsOf, narrowed, scopeOf, type Tokened, uneven } from '../../fixtures/mcp-tokens';
import { accountOf, type Gate, grantIdOf, revoke } from '../../fixtures/worker';

/* Two tokens of one user and client in one session: each call goes out with the rights of its own. */

const WIDE = 'mcp:read mcp:write mcp:destructive';
const NARROW = 'mcp:read';
/** How many calls of each token are under way at once. */
const CALLS = 6;

const one = uneven(sessionServer());
const mine = uneven(realServer());
/** An entrypoint of the Worker, and what it was told of the principal by each call. */
const props: { text: string; scope: string; grantId: string }[] = [];
const inside = uneven(
  scripted(({ text: body }) => {
    const { id, method, params } = messageOf({ text: body });
    if (id === undefined) return new Response(null, { status: 202 });
    const { text = '' } = (params?.arguments ?? {}) as { text?: string };
    const tools = [{ name: 'look', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }];
    const results: Record<string, object> = {
      initialize: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'inside', version: '1' },
      },
      'tools/list': { tools },
    };
    const result = results[method ?? ''] ?? { content: [{ type: 'text', text: `look: ${text}` }] };
    return Response.json({ jsonrpc: '2.0', id, result });
  }),
);
const Inside = ({ props: principal }: { props: { scope: string[]; grantId: string } }) => ({
  fetch: async (request: Request) => {
    const { method, params } = messageOf({ text: await request.clone().text() });
    const { text = '' } = (params?.arguments ?? {}) as { text?: string };
    if (method === 'tools/call') {
      props.push({ text, scope: principal.scope.join(' '), grantId: principal.grantId });
    }
    return inside.fetch(request);
  },
});

const SERVERS = ['one', 'mine', 'inside', 'lower'];
const lower = uneven(realServer());
deploy(
  {
    one: { behind: one, setting: { auth: 'identity' } },
    mine: { behind: mine, setting: { auth: 'api_key' } },
    inside: { setting: { entrypoint: 'Inside' } },
    lower: { behind: lower, setting: { auth: 'identity', roles: [{ role: 'viewer', methods: ['local'] }] } },
  },
  { SIGN_IN: { methods: ['local', 'key'] } },
);
/** As `deploy` gives it, with the entrypoint among the Worker's exports. */
const gate: Gate = {
  origin: ORIGIN,
  fetch: async (path, init = {}) => {
    const request = new Request(new URL(path, ORIGIN), { redirect: 'manual', ...init });
    request.headers.set('host', new URL(ORIGIN).host);
    const context = createExecutionContext();
    Object.defineProperty(context, 'exports', { value: { Inside } });
    return worker.fetch(request, env, context);
  },
};

let wide: Connected;
let narrow: Tokened;
beforeAll(async () => {
  wide = await connectMerged(gate, SERVERS, { user: { name: 'Own A' } });
  await accountOf(wide.tokens.access_token).storeConnections([
    { credential: { auth: 'api_key', server: 'mine', key: 'the key of A' }, place: 'binding:BEHIND_mine' },
  ]);
  narrow = await narrowed(wide, NARROW);
});
beforeEach(() => {
  for (const { received } of [one, mine, inside, lower]) received.length = 0;
  props.length = 0;
});

/** A session whose object reaches the entrypoint too. */
async function begin(as: Tokened): Promise<InSession> {
  const session = await InSession.begin(as, { elicitation: {} });
  await runInDurableObject(await session.object(), (_, state) => {
    Object.defineProperty(state, 'exports', { value: { Inside }, configurable: true });
  });
  return session;
}

/** Calls a tool many times with both tokens at once, each of which says whose it is. */
async function alternate(first: InSession, second: InSession, tool: string): Promise<string[]> {
  // What the servers have is known then: no call waits for that with all the others.
  await first.tools();
  await second.tools();
  const numbers = Array.from({ length: CALLS }, (_, n) => n);
  const pairs = numbers.map((n) => [first.call(tool, `wide ${n}`), second.call(tool, `narrow ${n}`)]);
  return Promise.all(pairs.flat());
}

const expected = ({ text }: { text: string }) => (text.startsWith('wide') ? WIDE : NARROW);

describe.each([
  ['begun by the wide token', () => wide, () => narrow],
  ['begun by the narrow token', () => narrow, () => wide],
])('in a session %s, calls of both at once', (_, begins, other) => {
  test.each(['one', 'inside'])('reach %s each with its own scope, and are answered each', async (server) => {
    const session = await begin(begins());
    const [first, second] =
      begins() === wide ? [session, session.with(other())] : [session.with(wide), session];
    const answers = await alternate(first, second, `${server}_look`);
    const seen = server === 'one' ? callsOf(one) : props;
    expect(seen).toHaveLength(2 * CALLS);
    expect(seen.filter((call) => call.scope !== expected(call))).toEqual([]);
    // Both clients count their requests alike: no answer is another's.
    answers.forEach((answer, n) => {
      expect(answer).toContain(`look: ${n % 2 === 0 ? 'wide' : 'narrow'} ${Math.floor(n / 2)}`);
    });
  });

  test('one after the other reach a server each with its own scope', async () => {
    const session = await begin(begins());
    for (let n = 0; n < 6; n++) {
      await session.with(wide).call('one_look', `wide ${n}`);
      await session.with(narrow).call('one_look', `narrow ${n}`);
    }
    expect(callsOf(one).filter((call) => call.scope !== expected(call))).toEqual([]);
  });
});

describe('what goes to a server besides calls', () => {
  test('is in the name of the request that it is for: level of logs, resources, cancelling, the end', async () => {
    const session = await begin(wide);
    await session.call('one_look', 'wide');
    const low = session.with(narrow);
    one.received.length = 0;
    await low.request('logging/setLevel', { level: 'error' });
    await low.request('resources/subscribe', { uri: 'mcp+one+file:///readme' });
    await low.request('resources/read', { uri: 'mcp+one+file:///readme' });
    await low.post({ method: 'notifications/roots/list_changed' });
    await low.open('tools/call', { name: 'one_wait', arguments: { text: 'narrow' } });
    const other = await session.open('tools/call', { name: 'one_wait', arguments: { text: 'wide' } });
    expect(await eventually(() => one.waiting() === 2)).toBe(true);
    await low.post({ method: 'notifications/cancelled', params: { requestId: low.lastId } });
    expect(await eventually(() => one.methods().includes('notifications/cancelled'))).toBe(true);
    const wideOnes = one.received.filter((request) => scopeOf(request) === WIDE);
    expect(wideOnes.map(messageOf)).toMatchObject([
      { method: 'tools/call', params: { arguments: { text: 'wide' } } },
    ]);
    one.release();
    await other.until(({ message }) => message.result !== undefined);
    one.received.length = 0;
    await low.end();
    expect(one.received.map((request) => [request.method, scopeOf(request)])).toEqual([['DELETE', NARROW]]);
  });

  test('goes out with the person’s own credential whichever token asks', async () => {
    const session = await begin(wide);
    const answers = await alternate(session, session.with(narrow), 'mine_look');
    answers.forEach((answer, n) => {
      expect(answer).toBe(`look: ${n % 2 === 0 ? 'wide' : 'narrow'} ${Math.floor(n / 2)}`);
    });
    const sent = mine.received.map(({ headers }) => headers.get('authorization'));
    expect(new Set(sent)).toEqual(new Set(['the key of A']));
  });

  test('says the role that the person has at that server, not a higher one that they have elsewhere', async () => {
    const session = await begin(wide);
    await session.call('lower_look', 'x');
    const alone = new Caller(wide, 'x');
    for (const era of ['legacy', 'modern'] as Era[]) await alone.call('lower_look', { era, path: '/mcp' });
    const told = lower.received.map(({ headers }) => claimsOf(headers));
    expect(told.length).toBeGreaterThan(3);
    expect(new Set(told.map(({ roles, scope }) => `${roles} ${scope}`))).toEqual(
      new Set([`viewer ${NARROW}`]),
    );
  });
});

describe('without a session', () => {
  test.each(['legacy', 'modern'] as Era[])(
    'calls of both at once go out each with its own, %s',
    async (era) => {
      const callers = { wide: new Caller(wide, 'x'), narrow: new Caller(narrow, 'x') };
      // What the servers have is known, so that no call waits for that with all the others.
      for (const caller of Object.values(callers)) await caller.tools({ era, path: '/mcp' });
      const calls = Array.from({ length: CALLS }, (_, n) =>
        (['wide', 'narrow'] as const).flatMap((who) =>
          ['one', 'inside'].map((server) =>
            callers[who].send({
              era,
              path: '/mcp',
              method: 'tools/call',
              params: { name: `${server}_look`, arguments: { text: `${who} ${n}` } },
            }),
          ),
        ),
      );
      await Promise.all(calls.flat());
      for (const seen of [callsOf(one), props]) {
        expect(seen).toHaveLength(2 * CALLS);
        expect(seen.filter((call) => call.scope !== expected(call))).toEqual([]);
      }
    },
  );
});

describe('other tokens than these two', () => {
  test('an access key and a token that it was exchanged for keep their own scope in one session', async () => {
    const made = await makeKey(wide.browser, { scope: WIDE, servers: ['one'] });
    const client = { client_id: `key:${made.id}`, redirect_uri: '' };
    const key: Tokened = { gate, client, tokens: { ...wide.tokens, access_token: made.key } };
    const token = await narrowed(key);
    const session = await InSession.begin(key);
    await alternate(session, session.with(token), 'one_look');
    expect(callsOf(one)).toHaveLength(2 * CALLS);
    expect(callsOf(one).filter((call) => call.scope !== expected(call))).toEqual([]);
  });

  test('each call is in the trail under the grant that it was made with', async () => {
    const { browser, client } = wide;
    const other = await connectMerged(gate, ['one'], { browser, client });
    const session = await begin(wide);
    const log = vi.spyOn(console, 'log');
    const calls = Array.from({ length: 9 }, () => [
      session.call('one_look'),
      session.with(other).call('one_erase'),
    ]);
    await Promise.all(calls.flat());
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, string>);
    log.mockRestore();
    const noted = lines.flatMap(({ event, tool, grant }) =>
      event === 'tool_call' ? [`${tool} ${grant}`] : [],
    );
    expect(noted).toHaveLength(18);
    expect(new Set(noted)).toEqual(
      new Set([
        `look ${grantIdOf(wide.tokens.access_token)}`,
        `erase ${grantIdOf(other.tokens.access_token)}`,
      ]),
    );
  });

  test('another grant of the same client has its own servers, in lists and calls, at the same time', async () => {
    const { browser, client } = wide;
    const less = await connectMerged(gate, ['mine'], { browser, client });
    const session = await begin(wide);
    const low = session.with(less);
    for (let n = 0; n < 3; n++) {
      const [all, few, refused, allowed] = await Promise.all([
        session.tools(),
        low.tools(),
        low.call('one_look', 'less'),
        session.call('one_look', 'wide'),
      ]);
      expect(all).toEqual(expect.arrayContaining(['one_look', 'mine_look', 'inside_look']));
      expect(few.filter((name) => !name.startsWith('mine_'))).toEqual(['whoami']);
      expect(refused).toBe('Unknown tool: one_look');
      expect(allowed).toContain('look: wide');
    }
    expect(callsOf(one).map(({ text }) => text)).toEqual(['wide', 'wide', 'wide']);
  });

  test('the end of one grant ends its call and leaves that of another in the same session', async () => {
    const { browser, client } = wide;
    const gone = await connectMerged(gate, ['one'], { browser, client });
    const session = await begin(gone);
    const wait = (as: Tokened) =>
      session.with(as).open('tools/call', { name: 'one_wait', arguments: { text: 'on' } });
    const [cut, stays] = [await wait(gone), await wait(wide)];
    expect(await eventually(() => one.waiting() === 2)).toBe(true);
    // A call is watched over when it is longer than most.
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await revoke(gone, gone.tokens.refresh_token);
    await cut.end();
    expect(cut.events).toEqual([]);
    one.release();
    const { message } = await stays.until((event) => event.message.result !== undefined);
    expect(JSON.stringify(message.result)).toContain('waited: on');
    expect((await session.fetch('POST', { id: 1, method: 'ping' })).status).toBe(401);
    expect(await session.with(wide).call('one_look', 'wide')).toContain('look: wide');
  });
});

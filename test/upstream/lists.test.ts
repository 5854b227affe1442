import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import {
  type Behind,
  connectWith,
  gateBefore,
  type Hints,
  listResult,
  messageOf,
  scripted,
} from '../fixtures/mcp-server';
import { callMcp, type Gate } from '../fixtures/worker';

/*
 * Twenty servers of fifty tools. Three of them can be told to be dead, to hang or to answer garbage.
 */

const FIFTY: Hints = Object.fromEntries(
  Array.from({ length: 50 }, (_, index) => [`tool${index}`, { readOnlyHint: true }]),
);
const NAMES = Array.from({ length: 20 }, (_, index) => `s${(index * 7) % 20}`);
const BAD = ['s0', 's3', 's19'] as const;

/** A server of the 2025 era without sessions, as small as one can be. */
function small(hints: Hints, list: () => object = () => listResult(hints)): Behind {
  return scripted((request) => {
    const { id, method, params } = messageOf(request);
    if (id === undefined) return new Response(null, { status: request.method === 'POST' ? 202 : 405 });
    const serverInfo = { name: 'small', version: '1' };
    const answers: Record<string, () => object> = {
      initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo }),
      'tools/list': list,
      'tools/call': () => ({ content: [{ type: 'text', text: `called ${params?.name}` }] }),
    };
    const result = answers[method ?? '']?.();
    const error = { code: -32601, message: 'Method not found' };
    return Response.json({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) });
  });
}

type Mood = (request: Request) => Promise<Response>;
const moods = new Map<string, Mood>();
const DEAD: Mood = () => Promise.reject(new Error('connection refused'));
const HUNG: Mood = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
const GARBAGE: Mood = async () =>
  new Response('{"jsonrpc":"2.0","id":0,"result":{"tools":"none', {
    headers: { 'content-type': 'application/json' },
  });
const MOODS = [DEAD, HUNG, GARBAGE];

function moody(name: string): Behind {
  const plain = small(FIFTY);
  return { ...plain, fetch: (request) => moods.get(name)?.(request) ?? plain.fetch(request) };
}

const servers = Object.fromEntries(NAMES.map((name) => [name, { behind: moody(name) }]));
let gate: Gate;
let token: string;
beforeAll(async () => {
  // The consent page asks them too, and remembers who failed: another gate before the same servers doesn't.
  const other = gateBefore(servers);
  token = (await connectWith(other, `${other.origin}/mcp`, NAMES)).tokens.access_token;
});
beforeEach(() => {
  moods.clear();
  gate = gateBefore(servers);
});
afterEach(startClock);

/** How long a list waits for a server that says nothing, in ms: less was no waiting for it. */
const LIST_MS = 2500;

async function page(cursor?: string) {
  const params = cursor === undefined ? {} : { cursor };
  const { body } = await callMcp(token, { gate, method: 'tools/list', params });
  const { result } = body as { result: { tools: { name: string }[]; nextCursor?: string } };
  return { names: result.tools.map(({ name }) => name), next: result.nextCursor };
}

async function all(): Promise<{ names: string[]; sizes: number[] }> {
  const [names, sizes]: [string[], number[]] = [[], []];
  let cursor: string | undefined;
  do {
    const { names: some, next } = await page(cursor);
    names.push(...some);
    sizes.push(some.length);
    cursor = next;
  } while (cursor !== undefined);
  return { names, sizes };
}

const toolsOf = (name: string) => Object.keys(FIFTY).map((tool) => `${name}_${tool}`);

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const before = performance.now();
  const value = await work();
  return { ms: performance.now() - before, value };
}

async function whoami() {
  const { body } = await callMcp(token, { gate });
  return (body as { result: { structuredContent: { servers: string[]; unavailable?: string[] } } }).result
    .structuredContent;
}

describe('the tools of twenty servers of fifty', () => {
  test("are all there once, 500 a page, in the order of the settings and of each server's list", async () => {
    const { names, sizes } = await all();
    expect(sizes).toEqual([500, 500, 1]);
    expect(names).toEqual(['whoami', ...NAMES.flatMap(toolsOf)]);
    expect((await all()).names).toEqual(names);
  });

  test('refuse a cursor that is none of ours', async () => {
    const { body } = await callMcp(token, { gate, method: 'tools/list', params: { cursor: 'garbage' } });
    expect(body).toMatchObject({ error: { code: -32602 } });
  });

  test('are there but for those of three that are dead, hung and answering garbage, in time, and then at once', async () => {
    for (const [index, name] of BAD.entries()) moods.set(name, MOODS[index] ?? DEAD);
    const first = await timed(all);
    const living = NAMES.filter((name) => !(BAD as readonly string[]).includes(name));
    expect(first.value.names).toEqual(['whoami', ...living.flatMap(toolsOf)]);
    expect(first.ms).toBeLessThan(4 * LIST_MS);
    const again = await timed(all);
    expect(again.value.names).toEqual(first.value.names);
    expect(again.ms).toBeLessThan(LIST_MS);
    const { unavailable, servers: named } = await whoami();
    expect(unavailable?.sort()).toEqual([...BAD].sort());
    expect(named).toEqual(NAMES);
  });

  test('of one that lives are called as fast as ever while another hangs', async () => {
    moods.set('s0', HUNG);
    const call = () => callMcp(token, { gate, params: { name: 's7_tool3', arguments: {} } });
    const { ms, value } = await timed(call);
    expect(value.body).toMatchObject({ result: { content: [{ text: 'called tool3' }] } });
    expect(ms).toBeLessThan(LIST_MS);
    const dead = await callMcp(token, { gate, params: { name: 's3_tool3', arguments: {} } });
    expect(dead.status).toBe(200);
  });

  test('are there again ten seconds after their server is back, and not before anybody has waited for it', async () => {
    stopClock();
    const fresh = gateBefore(servers);
    const own = await connectWith(fresh, `${fresh.origin}/mcp`, NAMES);
    token = own.tokens.access_token;
    moods.set('s3', DEAD);
    expect((await all()).names).not.toContain('s3_tool0');
    moods.clear();
    pass(9);
    expect((await all()).names).not.toContain('s3_tool0');
    pass(1);
    const { names, sizes } = await all();
    expect(sizes).toEqual([500, 500, 1]);
    expect(names).toContain('s3_tool0');
    expect((await whoami()).unavailable).toBeUndefined();
  });
});

test('a server that lists for ever, or more than it may, costs only its own tools', async () => {
  const tool = () => ({ name: `t${Math.random()}`, inputSchema: { type: 'object' } });
  const endless = small({}, () => ({ tools: [tool()], nextCursor: `${Math.random()}` }));
  const long = Array.from({ length: 400 }, (_, index) => [`${'x'.repeat(200)}${index}`, {}]);
  const huge = small(Object.fromEntries(long));
  const at = gateBefore({
    endless: { behind: endless },
    huge: { behind: huge, setting: { max_list_bytes: 65_536 } },
    good: { behind: small({ look: { readOnlyHint: true } }) },
  });
  const { tokens } = await connectWith(at, `${at.origin}/mcp`, ['endless', 'huge', 'good']);
  const { body } = await callMcp(tokens.access_token, { gate: at, method: 'tools/list' });
  const { tools } = (body as { result: { tools: { name: string }[] } }).result;
  const names = tools.map(({ name }) => name);
  expect(names).toContain('good_look');
  expect(names.filter((name) => name.startsWith('huge_'))).toEqual([]);
  expect(endless.received.length).toBeLessThan(300);
});

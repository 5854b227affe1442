import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKeys } from '../../scripts/lib/keys';
import { signOperatorRequest } from '../../scripts/lib/operator';
import { type RawAnswer, RawClient } from '../fixtures/fuzz/raw-http';
import { HIDDEN_WORDS, type Run } from '../fixtures/fuzz/recorded-tools';
import { ALLOWED, type FuzzRequest, fuzzRequest } from '../fixtures/fuzz/requests';
import { casesOr, check, isEnough, timeFor } from '../fixtures/fuzz/settings';
import { soundMcp } from '../fixtures/fuzz/soundness';
import { type LoggedCall, ToolLog } from '../fixtures/fuzz/tool-log';
import { type RecordingUpstream, startExpress } from '../fixtures/fuzz/upstream-express';
import { startHono } from '../fixtures/fuzz/upstream-hono';
import { startLenient } from '../fixtures/fuzz/upstream-lenient';
import { type Gate, startGate } from './harness/gate';
import { grant } from './harness/oauth';
import { beginSession } from './harness/raw';

/*
 * Whatever anybody sends: what a server ran is what the gate's log says was allowed. Servers that the official SDKs
 * make, in Express and in Hono, in both eras, and one that reads more into a message than it should, note each run
 * of a tool; a token that only reads and a key that is held to some tools send what no client would.
 */

const CASES = casesOr(600);
/** Requests under way at once, at most. */
const AT_ONCE = 24;
/** Measured: ms that a case takes. */
const MS_EACH = 40;

const keys = makeKeys();
const runs: Run[] = [];
const credentials = new Map<string, string>();
const sessions = new Map<string, string>();
let upstreams: RecordingUpstream[] = [];
let gate: Gate;
let client: RawClient;
let log: ToolLog;
let servers: string[];

beforeAll(async () => {
  upstreams = await Promise.all([startExpress(runs), startHono(runs), startLenient(runs)]);
  const urls = Object.assign({}, ...upstreams.map((upstream) => upstream.urls)) as Record<string, string>;
  servers = Object.keys(urls);
  const tools = [{ match: 'hidden', access: 'hidden' }];
  const SERVERS = Object.entries(urls).map(([name, url]) => ({ name, url, auth: 'none', tools }));
  // Some requests have a proxy's header: a gate where only `local` signs in would serve none of them.
  const SIGN_IN = { methods: ['local', 'key'] };
  gate = await startGate({ keys, vars: { SERVERS, SIGN_IN } });
  client = new RawClient(gate.origin);
  log = new ToolLog(() => gate.log());
  const key = await createKey();
  for (const at of [...servers, 'merged']) {
    const resource = `${gate.origin}${pathOf(at)}`;
    const choices = { scopes: ['mcp:read'], servers: at === 'merged' ? servers : [at] };
    const { tokens } = await grant(gate, 'Vera', { params: { resource }, choices });
    credentials.set(`viewer ${at}`, tokens.access_token);
    credentials.set(`key ${at}`, key);
    if (!['express', 'hono', 'merged'].includes(at)) continue;
    sessions.set(`viewer ${at}`, await beginSession(resource, tokens.access_token));
    sessions.set(`key ${at}`, await beginSession(resource, key));
  }
}, 300_000);
afterAll(async () => {
  client?.close();
  await Promise.all([gate?.stop(), ...upstreams.map((upstream) => upstream.close())]);
});

/** A key that may do anything, but with the tool `add` only. */
async function createKey(): Promise<string> {
  const path = '/api/admin/keys';
  const body = JSON.stringify({ name: 'fuzz', role: 'owner', scope: 'mcp:destructive', tools: ['*_add'] });
  const authorization = await signOperatorRequest(keys, { method: 'POST', path, body });
  const headers = { authorization, 'content-type': 'application/json' };
  const made = await fetch(`${gate.origin}${path}`, { method: 'POST', headers, body });
  return ((await made.json()) as { key: string }).key;
}

function pathOf(at: string): string {
  return at === 'merged' ? '/mcp' : `/mcp/${at}`;
}

function send({ sender, at, session, headers, bytes }: FuzzRequest): Promise<RawAnswer> {
  const who = `${sender} ${at}`;
  const id = session === 'made-up' ? 'made-up' : session === 'ours' ? sessions.get(who) : undefined;
  return client.send(
    pathOf(at),
    [
      ['authorization', `Bearer ${credentials.get(who)}`],
      ...(id === undefined ? [] : [['mcp-session-id', id] as const]),
      ...headers,
    ],
    bytes,
  );
}

/** A call that is refused, and logged as that: all that was logged before it is in the log when it is. */
let fences = 0;
async function logged(): Promise<LoggedCall[]> {
  const name = `fence-${++fences}`;
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } };
  await send({
    sender: 'viewer',
    at: 'lenient',
    era: '2025',
    session: 'none',
    headers: [
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
    ],
    bytes: Buffer.from(JSON.stringify(message)),
    text: '',
  });
  const calls: LoggedCall[] = [];
  await expect
    .poll(
      () => {
        calls.push(...log.take());
        return calls.some(({ tool }) => tool === name);
      },
      { timeout: 90_000, interval: 5 },
    )
    .toBe(true);
  return calls.filter(({ outcome }) => outcome === 'ok');
}

function expectSound({ status, headers, text }: RawAnswer): void {
  const header = (name: string) => headers[name]?.toString() ?? null;
  soundMcp({ status, header, text });
  expect(text).not.toContain(HIDDEN_WORDS);
  if (header('content-type')?.startsWith('application/json') && text !== '') JSON.parse(text);
}

const counts = (calls: { server?: string; tool?: string; detail?: string }[]) => {
  const found = new Map<string, number>();
  for (const { server, tool, detail } of calls) {
    const name = `${server}: ${tool ?? detail}`;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
};

test(
  'nothing that is sent makes a server run what the log doesn’t say was allowed',
  async () => {
    await logged();
    let [tried, ran] = [0, 0];
    const started = Date.now();
    const requests = fc.array(fuzzRequest(servers), { minLength: 1, maxLength: AT_ONCE, size: 'max' });
    const property = fc.asyncProperty(requests, async (all) => {
      runs.length = 0;
      const answers = await Promise.all(all.map(send));
      const allowed = counts(await logged());
      for (const answer of answers) expectSound(answer);
      const senders = new Set(all.map(({ sender }) => ALLOWED[sender]));
      for (const { tool } of runs) expect([...senders]).toContain(tool);
      // Fewer may have run: a server does nothing for a call without an id.
      for (const [name, count] of counts(runs))
        expect(allowed.get(name) ?? 0, name).toBeGreaterThanOrEqual(count);
      tried += all.length;
      ran += runs.length;
    });
    await check('messages', property, Math.ceil((2 * CASES) / (AT_ONCE + 1)));
    const seconds = (Date.now() - started) / 1000;
    console.info(`fuzz: messages: ${tried} cases, ${ran} runs, ${(tried / seconds).toFixed(0)} a second`);
    // Or it would show nothing.
    expect(isEnough(ran, tried), `${ran} of ${tried}`).toBe(true);
  },
  timeFor(CASES, MS_EACH),
);

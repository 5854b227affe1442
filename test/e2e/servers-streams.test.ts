import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/lib/ports';
import { type MisbehavingUpstream, startMisbehaving } from '../fixtures/upstream-misbehaving';
import { type Gate, startGate } from './harness/gate';
import { grant } from './harness/oauth';
import { beginSession, type Reading, read, send, sendModern } from './harness/raw';

const MEGABYTE = 1024 * 1024;
/** Seconds for its first byte that a server has which is to be given up on. */
const BRIEF = 3;
/** Seconds that others have: none is to be given up on because the machine is slow. */
const LONG = 60;

let gate: Gate;
let upstream: MisbehavingUpstream;
const tokens = new Map<string, string>();
/** Opened at the start, and left alone until the end: a session's own stream, and one of `subscriptions/listen`. */
let idle: Reading[] = [];
beforeAll(async () => {
  upstream = await startMisbehaving();
  const urls = {
    odd: upstream.url,
    brief: upstream.url,
    huge: upstream.at('/huge'),
    slow: upstream.at('/slow'),
    'huge-sse': upstream.at('/huge-sse'),
    down: `http://127.0.0.1:${await freePort()}/mcp`,
  };
  const servers = Object.entries(urls).map(([name, url]) => ({
    name,
    title: 'Odd',
    url,
    auth: 'none',
    timeout: name === 'brief' ? BRIEF : LONG,
  }));
  gate = await startGate({ vars: { SERVERS: servers } });
  for (const name of Object.keys(urls)) {
    const params = { resource: `${gate.origin}/mcp/${name}` };
    const granted = await grant(gate, 'Ada', { params, choices: { servers: [name] } });
    tokens.set(name, granted.tokens.access_token);
  }
  idle = await beIdle();
});

async function beIdle(): Promise<Reading[]> {
  const url = `${gate.origin}/mcp`;
  const choices = { servers: ['down'] };
  const { tokens: own } = await grant(gate, 'Ada', { params: { resource: url }, choices });
  const session = await beginSession(url, own.access_token);
  const params = { notifications: { toolsListChanged: true } };
  const streams = await Promise.all([
    send(url, own.access_token, { method: 'GET', session }),
    sendModern(url, own.access_token, { method: 'subscriptions/listen', params }),
  ]);
  return streams.map(read);
}
afterAll(() => Promise.all([gate?.stop(), upstream?.close()]));

interface Sent {
  server?: string;
  signal?: AbortSignal;
}

function headersFor(server: string): Record<string, string> {
  return {
    authorization: `Bearer ${tokens.get(server)}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  };
}

function callOf(name: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } });
}

function post(message: Record<string, unknown>, { server = 'odd', signal }: Sent = {}): Promise<Response> {
  return fetch(`${gate.origin}/mcp/${server}`, {
    method: 'POST',
    headers: headersFor(server),
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
    ...(signal ? { signal } : {}),
  });
}

function call(name: string, sent: Sent = {}): Promise<Response> {
  return post({ method: 'tools/call', params: { name, arguments: {} } }, sent);
}

function given(name: string) {
  const one = upstream.given.get(name);
  if (!one) throw new Error(`${name} was never asked for`);
  return one;
}

async function error(response: Response): Promise<{ status: number; id: unknown; message: string }> {
  const body = (await response.json()) as { id: unknown; error: { message: string } };
  return { status: response.status, id: body.id, message: body.error.message };
}

/** The gate's words in the place of the result of a call. */
async function failure(response: Response): Promise<{ status: number; id: unknown; message: string }> {
  const { id, result } = (await response.json()) as {
    id: unknown;
    result: { isError: boolean; content: { text: string }[] };
  };
  expect(result.isError).toBe(true);
  return { status: response.status, id, message: result.content[0]?.text ?? '' };
}

const chunksOf = (response: Response) => response.body as unknown as AsyncIterable<Uint8Array>;

describe('a stream behind the gate', () => {
  test.each(['big-json', 'big-sse'])('passes when it is 50 MB long (%s)', async (tool) => {
    const response = await call(tool);
    let [length, first, last] = [0, '', ''];
    for await (const chunk of chunksOf(response)) {
      length += chunk.length;
      // Behind the gate's own line, which may come by itself.
      if (first.length < 60) first += new TextDecoder().decode(chunk.subarray(0, 100));
      last = new TextDecoder().decode(chunk.subarray(-20)).trimEnd();
    }
    expect(length).toBeGreaterThan(50 * MEGABYTE);
    expect(first).toContain('{"jsonrpc":"2.0","id":1,"res');
    expect(last.endsWith('x"}]}}') || last === '"}]}}').toBe(true);
  });

  test('waits with the server while the client does not read', async () => {
    // Nobody listens for data, so the socket is never read.
    const request = httpRequest(`${gate.origin}/mcp/odd`, { method: 'POST', headers: headersFor('odd') });
    request.on('error', () => undefined).end(callOf('flood'));
    await new Promise((resolve) => request.once('response', resolve));
    // Until the server gets rid of nothing more for a while.
    for (let written = -1; written !== given('flood').written; await sleep(1000)) {
      written = given('flood').written;
    }
    // What fits into the sockets on the way, which grow to some MB each: memory of the system, not the gate's.
    expect(given('flood').written).toBeLessThan(200 * MEGABYTE);
    expect(given('flood').ended).toBe(false);
    request.destroy();
    await expect.poll(() => given('flood').left).toBeDefined();
  });

  test('arrives event by event, for as long as it takes', async () => {
    const response = await call('trickle', { server: 'brief' });
    const arrivals: number[] = [];
    let text = '';
    for await (const chunk of chunksOf(response)) {
      arrivals.push(Date.now());
      text += new TextDecoder().decode(chunk);
    }
    const whole = Number(arrivals.at(-1)) - Number(arrivals[0]);
    expect(whole).toBeGreaterThan(9000);
    expect(whole / 1000).toBeGreaterThan(BRIEF);
    // Some come together where the machine is slow.
    expect(arrivals.length).toBeGreaterThan(20);
    expect(text.match(/notifications\/progress/g)).toHaveLength(100);
    expect(text.trimEnd().endsWith('"result":{"content":[]}}')).toBe(true);
  });

  test('ends at the server when the client goes away, long before it is over', async () => {
    const away = new AbortController();
    const response = await call('trickle', { signal: away.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    away.abort();
    await reader?.closed.catch(() => undefined);
    await expect.poll(() => given('trickle').left).toBeDefined();
    expect(given('trickle').ended).toBe(false);
  });

  test('ends with words of the gate where it breaks at the server', async () => {
    expect((await failure(await call('cut-json'))).message).toContain('broke its answer off');
    const cut = await call('cut-sse');
    let text = '';
    const reading = (async () => {
      for await (const chunk of chunksOf(cut)) text += new TextDecoder().decode(chunk);
    })();
    await reading;
    expect(text).toContain('notifications/message');
    expect(text).toContain('broke its answer off');
  });

  test('may hold an answer that nobody asked for; the right one arrives all the same', async () => {
    const text = await (await call('stranger')).text();
    expect(text).toContain('"id":1,"result":{"content":[{"type":"text","text":"yours"}]}');
    expect((await call('stranger')).status).toBe(200);
  });
});

describe('a server that does not behave', () => {
  test('a list of 200 MB is refused, and not read to its end', async () => {
    const listed = await post({ method: 'tools/list' }, { server: 'huge' });
    expect(await error(listed)).toMatchObject({ status: 502, id: 1 });
    const read = given('huge').written;
    expect(read).toBeLessThan(30 * MEGABYTE);
    const called = await call('last', { server: 'huge' });
    expect(await failure(called)).toMatchObject({ status: 200, id: 1 });
    await expect.poll(() => given('huge').left).toBeDefined();
  });

  test('nor is one that comes as an event', async () => {
    const listed = await post({ method: 'tools/list' }, { server: 'huge-sse' });
    const text = await listed.text().catch(() => 'broken off');
    expect(text.length).toBeLessThan(5 * MEGABYTE);
    expect(text).not.toContain('"result"');
    expect(given('huge-sse').written).toBeLessThan(30 * MEGABYTE);
    await expect.poll(() => given('huge-sse').left).toBeDefined();
  });

  test.each(['redirect-to-metadata', 'redirect-to-loopback'])('%s: never followed', async (tool) => {
    const answer = await failure(await call(tool));
    expect(answer).toMatchObject({ status: 200, id: 1 });
    expect(answer.message).toContain('redirect');
    expect(answer.message).not.toMatch(/127\.0\.0\.1|169\.254/);
    expect(upstream.paths).not.toContain('/secret');
  });

  test('a page instead of MCP is not handed on', async () => {
    const answer = await failure(await call('html'));
    expect(answer).toMatchObject({ status: 200, id: 1 });
    expect(answer.message).not.toContain('Wi-Fi');
  });

  test('one that never answers is given up on in time', async () => {
    const asked = Date.now();
    const answer = await failure(await call('hang', { server: 'brief' }));
    expect(answer).toMatchObject({ status: 200, id: 1 });
    expect(answer.message).toContain('took too long');
    const waited = Date.now() - asked;
    expect(waited).toBeGreaterThanOrEqual(BRIEF * 1000 - 50);
    expect(waited).toBeLessThan(LONG * 1000);
    await expect.poll(() => given('hang').left).toBeDefined();
  });

  test('one that was too slow for the consent page holds up no call after it', async () => {
    const signal = AbortSignal.timeout((LONG / 2) * 1000);
    expect((await call('stranger', { server: 'slow', signal })).status).toBe(200);
  });

  test('one that is down is named by its title, not by its address', async () => {
    const answer = await error(await post({ method: 'tools/list' }, { server: 'down' }));
    expect(answer).toMatchObject({ status: 502, id: 1 });
    expect(answer.message).toContain('Odd');
    expect(answer.message).not.toContain('127.0.0.1');
  });
});

test('an idle stream at /mcp says now and then that it is there, so that nothing on the way cuts it', async () => {
  const alive = () => idle.map((reading) => /^:/m.test(reading.text()) && reading.ended() === undefined);
  await expect.poll(alive).toEqual([true, true]);
  await Promise.all(idle.map((reading) => reading.stop()));
});

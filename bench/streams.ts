/**
 * How much memory a long answer costs the gate, and how long a slow one may take:
 * `node bench/streams.ts [--seconds 120]`. Starts a gate and a server behind it, on loopback; Linux and macOS.
 */
import { execFile } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { parseArgs, promisify } from 'node:util';
import { type Gate, startGate } from '../scripts/lib/gate.ts';
import { authorizationParams, exchangeCode, makePkce, registerClient } from '../scripts/lib/oauth.ts';
import { Walker } from '../scripts/lib/walk.ts';

const REDIRECT_URI = 'http://127.0.0.1:33418/callback';
const MEGABYTES = 50;
const INFO = { name: 'bench', version: '1.0.0' };
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '120' } } });

let written = 0;
let left = 0;
const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  const { id, method, params } = JSON.parse(text) as {
    id: unknown;
    method: string;
    params?: { name: string };
  };
  response.once('close', () => {
    if (!response.writableFinished) left = performance.now();
  });
  const tools = ['json', 'sse', 'trickle'].map((name) => ({ name, annotations: { readOnlyHint: true } }));
  const streams = method === 'tools/call' && params?.name !== 'json';
  response.writeHead(200, { 'content-type': streams ? 'text/event-stream' : 'application/json' });
  if (method !== 'tools/call') {
    const started = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: INFO };
    const result = method === 'tools/list' ? { tools } : started;
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  } else if (params?.name === 'trickle') await trickle(response);
  else await pour(response, id, params?.name === 'sse' ? 'data: ' : '');
});

async function pour(response: ServerResponse, id: unknown, prefix: string): Promise<void> {
  written = 0;
  response.write(`${prefix}{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"`);
  const fill = Buffer.alloc(64 * 1024, 'x');
  for (let part = 0; part < MEGABYTES * 16 && !response.destroyed; part++) {
    written += fill.length;
    if (!response.write(fill)) await new Promise((resolve) => response.once('drain', resolve));
  }
  response.end('"}]}}\n\n');
}

async function trickle(response: ServerResponse): Promise<void> {
  while (!response.destroyed) {
    response.write('data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n');
    await sleep(500);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resident memory of each `workerd` below this process, in MB, by process id. */
async function memory(): Promise<Map<number, number>> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss=,comm=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const ours = new Set([`${process.pid}`]);
  for (let size = 0; size !== ours.size; ) {
    size = ours.size;
    for (const [pid = '', parent = ''] of rows) if (ours.has(parent)) ours.add(pid);
  }
  const found = rows.filter(([pid = '', , , comm = '']) => ours.has(pid) && comm.endsWith('workerd'));
  return new Map(found.map(([pid, , rss]) => [Number(pid), Number(rss) / 1024]));
}

/** Growth of each `workerd` while something runs, at its highest, in MB. */
async function growth(run: () => Promise<unknown>): Promise<string> {
  const before = await memory();
  const most = new Map(before);
  let running = true;
  const watching = (async () => {
    while (running) {
      for (const [pid, now] of await memory()) most.set(pid, Math.max(now, most.get(pid) ?? 0));
      await sleep(10);
    }
  })();
  await run();
  running = false;
  await watching;
  return [...most].map(([pid, now]) => `${(now - (before.get(pid) ?? 0)).toFixed(1)} MB`).join(' and ');
}

async function signIn(gate: Gate): Promise<string> {
  const client = await registerClient(gate.origin, REDIRECT_URI);
  const { code_verifier, code_challenge } = makePkce();
  const resource = { resource: `${gate.origin}/mcp/bench` };
  const params = authorizationParams(client, code_challenge, resource);
  const callback = await new Walker(gate.origin).allow(params, 'Ada', { servers: ['bench'] });
  return (await exchangeCode(gate.origin, client, callback, code_verifier)).access_token;
}

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
const gate = await startGate({ vars: { SERVERS: [{ name: 'bench', url, auth: 'none' }] } });
const token = await signIn(gate);

const headers = {
  authorization: `Bearer ${token}`,
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};
const message = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } });
const call = (name: string, signal?: AbortSignal) =>
  fetch(`${gate.origin}/mcp/bench`, {
    method: 'POST',
    headers,
    body: message(name),
    ...(signal ? { signal } : {}),
  });

async function drain(name: string): Promise<void> {
  let [length, first] = [0, ''];
  for await (const chunk of (await call(name)).body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    first ||= new TextDecoder().decode(chunk.subarray(0, 200));
  }
  if (length < MEGABYTES * 1024 * 1024) throw new Error(`${name}: only this came: ${first}`);
}

/** Asks, and reads nothing at all of the answer. */
async function stall(name: string): Promise<void> {
  const socket = connect(gate.port, 'localhost').pause();
  const lines = Object.entries({ host: `localhost:${gate.port}`, ...headers }).map(([k, v]) => `${k}: ${v}`);
  const body = message(name);
  socket.write(
    `POST /mcp/bench HTTP/1.1\r\n${lines.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await sleep(3000);
  console.log(`  the server could write ${(written / 1024 / 1024).toFixed(1)} MB of ${MEGABYTES}`);
  socket.destroy();
}

console.log('Growth of each workerd (wrangler dev has one for its own proxy):');
for (const name of ['json', 'sse']) {
  for (const round of [1, 2, 3])
    console.log(`  ${MEGABYTES} MB as ${name}, time ${round}:`, await growth(() => drain(name)));
}
for (const name of ['json', 'sse']) {
  console.log(`A client that does not read, ${name}:`);
  console.log(' ', await growth(() => stall(name)));
}

const seconds = Number(values.seconds);
const away = new AbortController();
const slow = await call('trickle', away.signal);
let events = 0;
const until = performance.now() + seconds * 1000;
for await (const _ of slow.body as unknown as AsyncIterable<Uint8Array>) {
  events++;
  if (performance.now() > until) break;
}
const went = performance.now();
away.abort();
for (let waited = 0; left < went && waited < 10_000; waited += 10) await sleep(10);
console.log(`A stream of ${seconds} s: ${events} events; end noticed after ${(left - went).toFixed(0)} ms`);
server.closeAllConnections();
server.close();
await gate.stop();

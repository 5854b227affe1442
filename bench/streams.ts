/**
 * Measures how much memory a long answer takes at the gate, and how long a slow one may last:
 * `npx node bench/streams.ts [--seconds 120]`. Starts a gate and a server on loopback. Linux and macOS.
 */
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { memory, sleep, startBench } from './bench.ts';

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

/** The peak growth of each `workerd` while `run` runs, in MB. */
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

const { gate, token } = await startBench(server, '/mcp/bench');

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
  if (length < MEGABYTES * 1024 * 1024) throw new Error(`${name}: received only ${first}`);
}

/** Sends a request, and doesn't read the answer. */
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

/**
 * Measures idle sessions with open streams: `npx node bench/sessions.ts [--sessions 1000] [--seconds 300]`. Starts a
 * gate and a server on loopback; opens the sessions, each with its own stream and a session at the server; and prints
 * the memory of every `workerd` while nothing happens. Linux and macOS.
 */
import { randomUUID } from 'node:crypto';
import { Agent, createServer, request, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { memory, sleep, startBench } from './bench.ts';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '300' },
  },
});
const [count, seconds] = [Number(values.sessions), Number(values.seconds)];

/** Each session's stream at the server. */
const open = new Set<ServerResponse>();
const server = createServer(async (incoming, response) => {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
  if (incoming.method === 'GET') {
    open.add(response);
    response.once('close', () => open.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    return;
  }
  const { id, method } = JSON.parse(text || '{}') as { id?: unknown; method?: string };
  const serverInfo = { name: 'bench', version: '1.0.0' };
  const capabilities = { tools: { listChanged: true } };
  const annotations = { readOnlyHint: true };
  const results: Record<string, object> = {
    initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo },
    'tools/list': { tools: [{ name: 'look', inputSchema: { type: 'object' }, annotations }] },
    'tools/call': { content: [] },
  };
  const result = results[method ?? ''];
  const error = { code: -32601, message: 'Method not found' };
  const session = method === 'initialize' ? { 'mcp-session-id': randomUUID() } : {};
  if (id === undefined) response.writeHead(202).end();
  else {
    response.writeHead(200, { 'content-type': 'application/json', ...session });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }));
  }
});

/** The memory of each `workerd`, the largest first. */
async function sizes(): Promise<string> {
  const found = [...(await memory()).values()].sort((one, other) => other - one);
  return found.map((size) => `${size.toFixed(0)} MB`).join(' and ');
}

const { gate, token } = await startBench(server, '/mcp');
const usual = {
  authorization: `Bearer ${token}`,
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
  'mcp-protocol-version': '2025-11-25',
};

async function post(message: object, session?: string): Promise<Response> {
  const headers = session === undefined ? usual : { ...usual, 'mcp-session-id': session };
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  const response = await fetch(`${gate.origin}/mcp`, { method: 'POST', headers, body });
  await response.text();
  if (!response.ok) throw new Error(`${response.status} to ${body}`);
  return response;
}

let [comments, events, ended] = [0, 0, 0];
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
/** Opens a session's stream; resolves when it is open. */
function listen(session: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const headers = { ...usual, accept: 'text/event-stream', 'mcp-session-id': session };
    const asked = request(`${gate.origin}/mcp`, { agent, headers }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        comments += text.split(': still here').length - 1;
        events += text.split('data: ').length - 1;
      });
      response.once('close', () => ended++);
      resolve(() => asked.destroy());
    });
    asked.once('error', reject).end();
  });
}

console.log(`Memory of each workerd (wrangler dev has one for its own proxy) before: ${await sizes()}`);
const leaves: (() => void)[] = [];
const clientInfo = { name: 'bench', version: '1.0.0' };
const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
const call = { id: 2, method: 'tools/call', params: { name: 'bench_look', arguments: {} } };
const begun = performance.now();
for (let n = 1; n <= count; n++) {
  const session = (await post({ id: 1, method: 'initialize', params })).headers.get('mcp-session-id') ?? '';
  await post({ method: 'notifications/initialized' }, session);
  leaves.push(await listen(session));
  await post(call, session);
  if (n % (count / 4) === 0) console.log(`  with ${n} sessions and streams: ${await sizes()}`);
}
console.log(
  `Opened in ${((performance.now() - begun) / 1000).toFixed(0)} s; at the server ${open.size} streams`,
);
for (let waited = 0; waited < seconds; waited += 30) {
  await sleep(30_000);
  console.log(`  idle for ${waited + 30} s: ${await sizes()}`);
}
console.log(`${comments} comments received, ${ended} streams ended`);
const notified = performance.now();
const changed = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';
for (const response of open) response.write(changed);
while (events < count && performance.now() - notified < 60_000) await sleep(50);
console.log(
  `${events} of ${count} received tools/list_changed, in ${((performance.now() - notified) / 1000).toFixed(1)} s`,
);
for (const leave of leaves) leave();
const left = performance.now();
while (open.size > 0 && performance.now() - left < 120_000) await sleep(100);
const took = ((performance.now() - left) / 1000).toFixed(1);
console.log(`All left: ${await sizes()}; at the server ${open.size} streams after ${took} s`);
server.closeAllConnections();
server.close();
await gate.stop();
process.exit();

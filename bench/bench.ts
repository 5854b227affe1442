import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { type Gate, startGate } from '../scripts/lib/gate.ts';
import { authorizationParams, exchangeCode, makePkce, registerClient } from '../scripts/lib/oauth.ts';
import { Walker } from '../scripts/lib/walk.ts';

const REDIRECT_URI = 'http://127.0.0.1:33418/callback';

/** Starts a gate for a server of this process, named `bench`, and gets a token for the resource at `path`. */
export async function startBench(server: Server, path: string): Promise<{ gate: Gate; token: string }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const gate = await startGate({ vars: { SERVERS: [{ name: 'bench', url, auth: 'none' }] } });
  const client = await registerClient(gate.origin, REDIRECT_URI);
  const { code_verifier, code_challenge } = makePkce();
  const params = authorizationParams(client, code_challenge, { resource: `${gate.origin}${path}` });
  const callback = await new Walker(gate.origin).allow(params, 'Ada', { servers: ['bench'] });
  return { gate, token: (await exchangeCode(gate.origin, client, callback, code_verifier)).access_token };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resident memory of each `workerd` below this process, in MB, by process id. */
export async function memory(): Promise<Map<number, number>> {
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

/**
 * Measures a flood from one address: `npx node bench/flood.ts [--count 10000] [--at-once 20]`. Starts a gate with the
 * limits of `wrangler.toml` on loopback; sends it that many registrations, device codes, flows, and wrong keys from one
 * address; checks after each kind that a person at another address can still sign in; and prints what is stored. Fails
 * when that person can't. Linux and macOS.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startGate } from '../scripts/lib/gate.ts';
import { authorizationParams, exchangeCode, makePkce, registerClient } from '../scripts/lib/oauth.ts';
import { Walker } from '../scripts/lib/walk.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    'at-once': { type: 'string', default: '20' },
  },
});
const [count, atOnce] = [Number(values.count), Number(values['at-once'])];
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const REDIRECT_URI = 'http://127.0.0.1:33418/callback';
const FLOODING = { 'cf-connecting-ip': '192.0.2.66' };

const gate = await startGate({ vars: { SIGN_IN: { methods: ['local', 'skip'] } } });
const { origin, persistTo } = gate;

function post(path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${origin}${path}`, { method: 'POST', body, headers: { ...FLOODING, ...headers } });
}

/** Sends all requests, `--at-once` in parallel; returns how many were answered with each status. */
async function flood(send: (index: number) => Promise<Response>): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const response = await send(next++);
      await response.body?.cancel();
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return statuses;
}

/** The number and size in MB of stored files: objects (a database each) or KV entries. */
function stored(folder: string): string {
  const files = readdirSync(persistTo, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.includes(folder))
    // SQLite's temporary files may disappear.
    .map((file) => statSync(join(persistTo, file), { throwIfNoEntry: false }))
    .filter((file) => file?.isFile() === true);
  const megabytes = files.reduce((sum, file) => sum + (file?.size ?? 0), 0) / 1e6;
  return `${files.length} files, ${megabytes.toFixed(1)} MB`;
}

/** Registers a client for devices, without a redirect URI. */
function registerDevice(client_name: string) {
  const grant_types = [DEVICE_CODE, 'refresh_token'];
  const none = { redirect_uris: undefined, response_types: undefined };
  return registerClient(origin, REDIRECT_URI, { client_name, grant_types, ...none });
}

/** A person at another address: registers an app, signs in, allows it, calls a tool, and starts a device flow. */
async function useGate(name: string): Promise<void> {
  const client = await registerClient(origin, REDIRECT_URI, { client_name: name });
  const { code_verifier, code_challenge } = makePkce();
  const callback = await new Walker(origin).allow(authorizationParams(client, code_challenge), name);
  const { access_token } = await exchangeCode(origin, client, callback, code_verifier);
  const asked = await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${access_token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }),
  });
  if (!(await asked.text()).includes(name)) throw new Error(`${name} can't call a tool: ${asked.status}`);
  const device = await registerDevice(name);
  const body = new URLSearchParams({ client_id: device.client_id });
  const begun = await fetch(`${origin}/oauth/device_authorization`, { method: 'POST', body });
  if (!begun.ok) throw new Error(`${name} can't start a device flow: ${begun.status}`);
}

const device = await registerDevice('TV');
const browser = await registerClient(origin, REDIRECT_URI);
const { code_challenge } = makePkce();

const floods: Record<string, (index: number) => Promise<Response>> = {
  registrations: (index) => {
    const metadata = {
      client_name: `Flood ${index}`,
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
    };
    return post('/oauth/register', JSON.stringify(metadata), { 'content-type': 'application/json' });
  },
  'device codes': () =>
    post('/oauth/device_authorization', new URLSearchParams({ client_id: device.client_id })),
  flows: () => {
    const query = new URLSearchParams(authorizationParams(browser, code_challenge));
    return fetch(`${origin}/authorize?${query}`, { headers: FLOODING, redirect: 'manual' });
  },
  'wrong keys': () =>
    post('/mcp', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }), {
      authorization: `Bearer gth_${randomBytes(46).toString('hex')}`,
      'content-type': 'application/json',
    }),
};

try {
  await useGate('Before');
  console.log(`Before: objects ${stored('PendingFlow')}; KV ${stored('/kv/')}`);
  for (const [name, send] of Object.entries(floods)) {
    const began = Date.now();
    const statuses = await flood(send);
    const took = ((Date.now() - began) / 1000).toFixed(0);
    await useGate(`After ${name}`);
    console.log(
      `${count} ${name} in ${took} s: ${JSON.stringify(statuses)}; another person can still sign in.`,
    );
    console.log(
      `  flows and devices ${stored('PendingFlow')}; KV ${stored('/kv/')}; accounts ${stored('Account')}`,
    );
  }
} finally {
  await gate.stop();
}

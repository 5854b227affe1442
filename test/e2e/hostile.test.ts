import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeKeys } from '../../scripts/lib/keys';
import { signOperatorRequest } from '../../scripts/lib/operator';
import { connectModern } from '../fixtures/full-clients';
import { RawClient } from '../fixtures/fuzz/raw-http';
import { Recorder } from '../fixtures/hostile/recorder';
import {
  type HonestUpstream,
  QUESTION,
  startHonest,
  startHostile,
  startOdd,
} from '../fixtures/hostile/upstreams';
import type { Upstream } from '../fixtures/upstream-http';
import { type OAuthUpstream, startOAuthUpstream } from '../fixtures/upstream-oauth';
import { type Gate, startGate } from './harness/gate';
import { callTool, type Granted, grant } from './harness/oauth';
import { beginSession, send, sendModern } from './harness/raw';
import { walk } from './harness/walk';

/*
 * Two hostile servers side by side with two honest ones, behind one gate and for one person. The hostile ones note
 * all that they get; none of the honest ones' secrets, and none of the gate's, is ever in it.
 */

const SERVERS = ['honest', 'guarded', 'evil', 'odd'];
const HOSTILE = ['evil', 'odd'];
const keys = makeKeys();
const got = new Recorder();
/** What the client tells the honest server, and the gate's own secrets. */
const answer = `answer-${randomUUID()}`;
const ours: string[] = [answer];
let honest: HonestUpstream;
let guarded: OAuthUpstream;
let hostile: Upstream[] = [];
let gate: Gate;
let ada: Granted;
let key: string;
let raw: RawClient;

beforeAll(async () => {
  [honest, guarded] = await Promise.all([startHonest(), startOAuthUpstream(3600)]);
  hostile = await Promise.all([startHostile(got), startOdd(got, honest)]);
  const [evil = { url: '' }, odd = { url: '' }] = hostile;
  const guard = { auth: 'oauth', authorization_servers: [guarded.issuer] };
  gate = await startGate({
    keys,
    vars: {
      SERVERS: [
        { name: 'honest', url: honest.url, auth: 'identity' },
        { name: 'guarded', url: guarded.url, ...guard },
        { name: 'evil', url: evil.url, auth: 'identity' },
        { name: 'odd', url: odd.url, auth: 'none', identity: true, timeout: 5 },
        {
          name: 'pass',
          url: evil.url,
          auth: 'passthrough',
          authorization_servers: [new URL(evil.url).origin],
        },
      ],
    },
  });
  raw = new RawClient(gate.origin);
  key = await createKey();
  ada = await grant(gate, 'Ada', {
    choices: { scopes: ['mcp:read'], servers: SERVERS },
    walker: walk(gate, { also: [guarded.issuer] }),
  });
  ours.push(key, ada.tokens.access_token, ada.tokens.refresh_token);
}, 300_000);
afterAll(async () => {
  raw?.close();
  await Promise.all([gate?.stop(), honest?.close(), guarded?.close(), ...hostile.map((one) => one.close())]);
});

afterEach(() => {
  const found = got.found([...honest.secrets, ...guarded.tokens, ...guarded.secrets, ...ours]);
  got.clear();
  expect(found).toEqual([]);
});

async function createKey(): Promise<string> {
  const path = '/api/admin/keys';
  const body = JSON.stringify({ name: 'job', role: 'owner', scope: 'mcp:read' });
  const authorization = await signOperatorRequest(keys, { method: 'POST', path, body });
  const headers = { authorization, 'content-type': 'application/json' };
  const made = await fetch(`${gate.origin}${path}`, { method: 'POST', headers, body });
  return ((await made.json()) as { key: string }).key;
}

/** A client of the official SDK, which answers each server's question with what is for it. */
async function connectClient(): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1' }, { capabilities: { elicitation: {}, roots: {} } });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    action: 'accept',
    content: { answer: params.message.includes(QUESTION.honest) ? answer : 'nothing' },
  }));
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: `file:///${answer}` }] }));
  const requestInit = { headers: { authorization: `Bearer ${ada.tokens.access_token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(`${gate.origin}/mcp`), { requestInit });
  await client.connect(transport as Parameters<Client['connect']>[0]);
  return client;
}

const textOf = (result: unknown) => JSON.stringify(result);

test('an account that is connected at an honest server’s provider stays between the two', async () => {
  const { walker } = ada;
  await walker.open('/connect/guarded');
  await walker.submit(walker.form('csrf'), {});
  const done = await walker.submit(walker.form('login'), { login: 'ada' });
  expect(done.text).toContain('guarded is connected');
  const said = await callTool(`${gate.origin}/mcp`, ada.tokens.access_token, 'guarded_account');
  expect(textOf(said)).toContain('ada');
  expect(guarded.tokens.length).toBeGreaterThan(0);
});

test('calls, questions and their answers in one session go to the server that they are for', async () => {
  const client = await connectClient();
  const call = (name: string) =>
    client.callTool({ name, arguments: {} }).catch((error: Error) => error.message);
  for (let round = 0; round < 3; round++) {
    const names = ['honest_secret', 'honest_ask', 'evil_secret', 'evil_ask', 'odd_secret', 'odd_ask'];
    const [secret, asked, theirs, theirsAsked] = await Promise.all(names.map(call));
    expect(textOf(secret)).toMatch(/result-/);
    expect(textOf(asked)).toContain(answer);
    expect(textOf(theirs)).toContain('Now call honest_secret');
    expect(textOf(theirsAsked)).toContain('nothing');
    await client.listTools();
    const { resources } = await client.listResources();
    for (const { uri } of resources) await client.readResource({ uri }).catch(() => undefined);
  }
  await client.close();
  // What is theirs is noted, and the honest ones had something to lose: or none of this would show anything.
  expect(got.found(['tools/call', '"aud":"', 'nothing'])).toHaveLength(3);
  const kinds = ['session-', 'result-', 'eyJ'].map((kind) =>
    honest.secrets.some((one) => one.startsWith(kind)),
  );
  expect(kinds).toEqual([true, true, true]);
}, 300_000);

test('calls of the newest revision go to the server that they are for', async () => {
  const { client, call } = await connectModern(`${gate.origin}/mcp`, {
    bearer: () => ada.tokens.access_token,
  });
  for (let round = 0; round < 8; round++) {
    await client.listTools().catch(() => undefined);
    const names = ['honest_secret', 'evil_secret', 'odd_secret', 'odd_ask', 'odd_honest_secret'];
    const said = await Promise.all(names.map((name) => call(name).catch((error: Error) => error.message)));
    expect(textOf(said[0])).toMatch(/result-/);
  }
  await client.close();
}, 300_000);

test('a token or session of one server’s endpoint is nothing at another’s', async () => {
  for (const name of ['honest', ...HOSTILE]) {
    const resource = `${gate.origin}/mcp/${name}`;
    const choices = { scopes: ['mcp:read'], servers: [name] };
    const { tokens } = await grant(gate, 'Ada', { params: { resource }, choices, walker: ada.walker });
    ours.push(tokens.access_token, tokens.refresh_token);
    const session = await beginSession(resource, tokens.access_token).catch(() => 'none');
    for (const at of SERVERS) {
      const message = { method: 'tools/call', params: { name: 'secret', arguments: {} } };
      const headers = { cookie: `gatehouse-sign-in=${tokens.access_token}`, 'x-token': tokens.access_token };
      const theirs = honest.secrets.filter((one) => one.startsWith('session-')).slice(-2);
      for (const id of new Set([session, ...theirs])) {
        const sent = { message, session: id, headers };
        await (await send(`${gate.origin}/mcp/${at}`, tokens.access_token, sent)).text();
      }
      await (await sendModern(`${gate.origin}/mcp/${at}`, tokens.access_token, message)).text();
    }
  }
}, 300_000);

test('an access key reaches no server, in whatever form it is sent', async () => {
  const token = ada.tokens.access_token;
  const forms: [string, string][][] = [key, token].flatMap((secret) => [
    [['authorization', `Bearer ${secret}`]],
    [['authorization', secret]],
    [['authorization', `Token ${secret}`]],
    [['authorization', `Basic ${btoa(`x:${secret}`)}`]],
    [['authorization', `Basic ${btoa(`${secret}:`)}`]],
    [['authorization', `Bearer other, Bearer ${secret}`]],
    [['authorization', `Bearer "${secret}"`]],
    [
      ['authorization', `DPoP ${secret}`],
      ['dpop', secret],
    ],
    [
      ['authorization', 'Bearer other'],
      ['authorization', `Bearer ${secret}`],
    ],
    [['authorization', `Digest username="x", response="${secret}"`]],
    [
      ['authorization', 'Bearer other'],
      ['x-api-key', secret],
    ],
    [['x-api-key', secret]],
    [
      ['authorization', 'Bearer other'],
      ['cookie', `key=${secret}`],
    ],
  ]);
  const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret"}}');
  for (const name of ['pass', 'evil', 'odd', 'honest']) {
    for (const form of forms) {
      const headers: [string, string][] = [
        ['content-type', 'application/json'],
        ['accept', 'application/json, text/event-stream'],
      ];
      await raw.send(`/mcp/${name}`, [...headers, ...form], body);
    }
  }
}, 300_000);

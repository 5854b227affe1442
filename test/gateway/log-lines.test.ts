import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { browserAs, makeKey } from '../fixtures/keys';
import {
  type Connected,
  connectWith,
  gateBefore,
  listResult,
  messageOf,
  ORIGIN,
  scripted,
} from '../fixtures/mcp-server';
import { bodyOf, META, MODERN, type Sent } from '../fixtures/mcp-server-caller';
import { registerClient } from '../fixtures/worker';

/* What strangers send doesn't fill the log, nor the errors that go back, and no key is found there. */

/** A server that repeats nothing of what it was asked. */
const silent = scripted(({ text }) => {
  const { id, method } = messageOf({ text });
  if (id === undefined) return new Response(null, { status: 202 });
  const error = { code: -32601, message: 'No such method' };
  const result = method === 'tools/list' ? { result: listResult() } : { error };
  return Response.json({ jsonrpc: '2.0', id, ...result });
});

const at = gateBefore(
  {
    open: { behind: silent },
    theirs: {
      behind: silent,
      setting: { auth: 'passthrough', authorization_servers: ['https://as.example'] },
    },
  },
  { SIGN_IN: { methods: ['local', 'key'] } },
);

let merged: Connected;
let one: Connected;
let key: string;
let lines: string[];

beforeAll(async () => {
  merged = await connectWith(at, `${ORIGIN}/mcp`, ['open']);
  one = await connectWith(at, `${ORIGIN}/mcp/open`, ['open']);
  ({ key } = await makeKey(await browserAs('Ada', at)));
});
beforeEach(() => {
  lines = [];
  for (const level of ['log', 'info', 'debug', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((...said) => void lines.push(said.map(String).join(' ')));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

interface Case {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

const as = ({ tokens }: Connected, headers: Record<string, string> = {}) => ({
  authorization: `Bearer ${tokens.access_token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  ...headers,
});
const form = (fields: Record<string, string>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});

/** A request for each place where something of a request's could be quoted. */
const CASES: [string, (text: string) => Promise<Case> | Case][] = [
  [
    'a tool’s name at one server',
    (text) => ({
      path: '/mcp/open',
      headers: as(one),
      body: bodyOf({ method: 'tools/call', params: { name: text } }),
    }),
  ],
  [
    'a tool’s name at /mcp',
    (text) => ({
      path: '/mcp',
      headers: as(merged),
      body: bodyOf({ method: 'tools/call', params: { name: text } }),
    }),
  ],
  [
    'a tool’s name that begins as one of a server’s',
    (text) => ({
      path: '/mcp',
      headers: as(merged),
      body: bodyOf({ method: 'tools/call', params: { name: `open_${text}` } }),
    }),
  ],
  [
    'a prompt’s name',
    (text) => ({
      path: '/mcp',
      headers: as(merged),
      body: bodyOf({ method: 'prompts/get', params: { name: text } }),
    }),
  ],
  [
    'a resource’s address',
    (text) => ({
      path: '/mcp',
      headers: as(merged),
      body: bodyOf({ method: 'resources/read', params: { uri: `x://${text}` } }),
    }),
  ],
  ['a method', (text) => ({ path: '/mcp/open', headers: as(one), body: bodyOf({ method: text }) })],
  ...[
    ['a method at /mcp', (text: string) => ({ method: text })],
    ['a cursor', (text: string) => ({ method: 'tools/list', params: { cursor: text } })],
    ['a level', (text: string) => ({ method: 'logging/setLevel', params: { level: text } })],
    [
      'what is to be completed',
      (text: string) => ({
        method: 'completion/complete',
        params: { ref: { type: text, name: text }, argument: { name: text, value: text } },
      }),
    ],
    [
      'a parameter of another type',
      (text: string) => ({ method: 'prompts/get', params: { name: { [text]: text } } }),
    ],
    ['what is asked for again', (text: string) => ({ method: 'resources/subscribe', params: { uri: text } })],
  ].map(
    ([what, make]) =>
      [
        what,
        (text: string) => ({
          path: '/mcp',
          headers: as(merged),
          body: bodyOf((make as (text: string) => Sent)(text)),
        }),
      ] as [string, (text: string) => Case],
  ),
  [
    'a version of the protocol',
    (text) => ({
      path: '/mcp',
      headers: as(merged, { 'mcp-protocol-version': MODERN }),
      body: bodyOf({ params: { _meta: { ...META, 'io.modelcontextprotocol/protocolVersion': text } } }),
    }),
  ],
  [
    'a version in a header',
    (text) => ({
      path: '/mcp',
      headers: as(merged, { 'mcp-protocol-version': text.slice(0, 5000) }),
      body: bodyOf({}),
    }),
  ],
  ['an Origin', (text) => ({ path: '/mcp', headers: { origin: `https://${text.slice(0, 5000)}` } })],
  [
    'how a browser sends it',
    (text) => ({ path: '/mcp', headers: { 'sec-fetch-mode': text.slice(0, 5000) } }),
  ],
  [
    'a session’s id',
    (text) => ({
      path: '/mcp/open',
      headers: as(one, { 'mcp-session-id': text.slice(0, 5000) }),
      body: bodyOf({}),
    }),
  ],
  ['a credential', (text) => ({ path: '/mcp', headers: { authorization: `Bearer ${text.slice(0, 5000)}` } })],
  [
    'a credential without a scheme beside a key',
    (text) => ({ path: '/mcp', headers: { authorization: text.slice(0, 5000), 'x-api-key': key } }),
  ],
  ['a scheme', (text) => ({ path: '/mcp', headers: { authorization: `${text.slice(0, 5000)} x` } })],
  [
    'a credential of a passthrough server',
    (text) => ({
      path: '/mcp/theirs',
      headers: { authorization: text.slice(0, 5000), 'content-type': 'application/json' },
      body: '{}',
    }),
  ],
  ['a parameter that holds a key', (text) => ({ path: `/mcp?${text.slice(0, 5000)}=${key}` })],
  [
    'a header that holds a key',
    (text) => ({
      path: '/mcp/open',
      headers: as(one, { [`mcp-param-${text.replace(/\W/g, '').slice(0, 5000)}`]: key }),
      body: bodyOf({}),
    }),
  ],
  ['a client’s id', (text) => ({ method: 'GET', path: `/authorize?client_id=${text.slice(0, 5000)}` })],
  [
    'a client’s address',
    (text) => ({ method: 'GET', path: `/authorize?client_id=https://a.invalid/${text.slice(0, 5000)}` }),
  ],
  [
    'what an authorization request asks for',
    async (text) => {
      const { client_id, redirect_uri } = await registerClient({}, at);
      const query = new URLSearchParams({
        client_id,
        redirect_uri,
        response_type: text.slice(0, 5000),
        scope: text.slice(0, 2000),
      });
      return { method: 'GET', path: `/authorize?${query}` };
    },
  ],
  [
    'how an authorization request proves itself',
    async (text) => {
      const { client_id, redirect_uri } = await registerClient({}, at);
      const method = text.slice(0, 5000);
      const query = new URLSearchParams({
        client_id,
        redirect_uri,
        response_type: 'code',
        code_challenge_method: method,
      });
      return { method: 'GET', path: `/authorize?${query}` };
    },
  ],
  [
    'a type of grant',
    (text) => ({
      path: '/oauth/token',
      ...form({ grant_type: text.slice(0, 50_000), client_id: merged.client.client_id }),
    }),
  ],
  [
    'a client’s id at the token endpoint',
    (text) => ({
      path: '/oauth/token',
      ...form({ grant_type: 'refresh_token', client_id: text.slice(0, 50_000) }),
    }),
  ],
  [
    'a refresh token',
    (text) => ({
      path: '/oauth/token',
      ...form({
        grant_type: 'refresh_token',
        refresh_token: text.slice(0, 50_000),
        client_id: merged.client.client_id,
      }),
    }),
  ],
  [
    'an assertion',
    (text) => ({
      path: '/oauth/token',
      ...form({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: text.slice(0, 50_000),
      }),
    }),
  ],
  [
    'a token to exchange',
    (text) => ({
      path: '/oauth/token',
      ...form({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: text.slice(0, 50_000),
        subject_token_type: text.slice(0, 100),
        client_id: merged.client.client_id,
      }),
    }),
  ],
  [
    'a token to revoke',
    (text) => ({
      path: '/oauth/revoke',
      ...form({ token: text.slice(0, 50_000), client_id: merged.client.client_id }),
    }),
  ],
  [
    'a client’s redirect',
    (text) => ({
      path: '/oauth/register',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [`http://${text.slice(0, 50_000)}.example/cb`] }),
    }),
  ],
  [
    'a client’s name',
    (text) => ({
      path: '/oauth/register',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: text.slice(0, 50_000), redirect_uris: ['https://a.example/cb'] }),
    }),
  ],
  [
    'a client’s kind',
    (text) => ({
      path: '/oauth/register',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        token_endpoint_auth_method: text.slice(0, 50_000),
        grant_types: [text.slice(0, 5000)],
        redirect_uris: ['https://a.example/cb'],
      }),
    }),
  ],
  ['a flow', (text) => ({ method: 'GET', path: `/authorize?flow=${text.slice(0, 5000)}` })],
  ['a flow to sign in', (text) => ({ method: 'GET', path: `/sign-in?flow=${text.slice(0, 5000)}` })],
  [
    'a provider’s answer',
    (text) => ({
      method: 'GET',
      path: `/sign-in/callback?state=${text.slice(0, 2000)}&error=${text.slice(0, 2000)}&error_description=${text.slice(0, 2000)}`,
    }),
  ],
  [
    'a connection’s answer',
    (text) => ({
      method: 'GET',
      path: `/connect/callback?state=${text.slice(0, 2000)}&error=${text.slice(0, 2000)}`,
    }),
  ],
  ['a link to connect', (text) => ({ method: 'GET', path: `/connect/open?ticket=${text.slice(0, 5000)}` })],
  ['a path', (text) => ({ method: 'GET', path: `/mcp/${text.slice(0, 5000)}` })],
];

async function send({
  path,
  method = 'POST',
  headers = {},
  body,
}: Case): Promise<{ status: number; text: string }> {
  const response = await at.fetch(path, { method, headers, ...(body === undefined ? {} : { body }) });
  return {
    status: response.status,
    text: `${response.headers.get('location') ?? ''} ${await response.text()}`,
  };
}

describe.each(CASES)('%s', (_where, make) => {
  test('is nowhere longer than 100 characters', async () => {
    const { text } = await send(await make('Zz'.repeat(500_000)));
    for (const line of lines) expect(line).not.toMatch(/(Zz){51}/);
    // A page that the person opened with it, and the way back to a client that sent it, are their own.
    expect(text).not.toMatch(/(Zz){151}/);
  });

  test('is no way to have a secret logged', async () => {
    const { tokens } = merged;
    for (const secret of [key, tokens.access_token, tokens.refresh_token]) {
      lines = [];
      const { status, text } = await send(await make(secret));
      expect(lines.join('\n')).not.toContain(secret);
      expect(lines.join('\n')).not.toContain(encodeURIComponent(secret));
      expect(lines.join('\n')).not.toMatch(/gth_[0-9A-Za-z]/);
      // What a client registers as is told back to it.
      if (status !== 201) expect(text).not.toContain(secret);
    }
  });
});

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { browserAs, makeKey } from '../fixtures/keys';
import { type Behind, connectWith, gateBefore, ORIGIN, plainServer } from '../fixtures/mcp-server';
import { bodyOf } from '../fixtures/mcp-server-caller';
import type { Tokens } from '../fixtures/worker';

/* A credential of the gate's own never reaches a server behind, in whatever header and form a caller sends it. */

let behind: Behind;
let tokens: Tokens;
let code: string;
let key: string;
let cookie: string;

const at = () =>
  gateBefore(
    {
      theirs: { behind, setting: { auth: 'passthrough', authorization_servers: ['https://as.example'] } },
      open: { behind, setting: { auth: 'none' } },
    },
    { SIGN_IN: { methods: ['local', 'key'] } },
  );

beforeAll(async () => {
  behind = plainServer();
  ({ tokens, code } = await connectWith(at(), `${ORIGIN}/mcp`, ['open']));
  const browser = await browserAs('Ada', at());
  cookie = browser.cookies.get('gatehouse-sign-in') ?? '';
  ({ key } = await makeKey(browser));
});
beforeEach(() => {
  behind = plainServer();
});

function post(headers: Record<string, string>, path = '/mcp/theirs'): Promise<Response> {
  const all = { 'content-type': 'application/json', accept: 'application/json', ...headers };
  return at().fetch(path, { method: 'POST', headers: all, body: bodyOf({ method: 'ping' }) });
}

const secrets = () => [key, tokens.access_token, tokens.refresh_token, code, cookie];

describe('at a server whose callers bring their own credential', () => {
  test.each<[string, (secret: string) => string]>([
    ['without a scheme', (secret) => secret],
    ['with another scheme', (secret) => `Token ${secret}`],
    ['twice', (secret) => `Bearer Bearer ${secret}`],
    ['in two headers', (secret) => `Bearer theirs, Bearer ${secret}`],
    ['in a list', (secret) => `Bearer ${secret},Bearer theirs`],
    ['in quotes', (secret) => `Bearer "${secret}"`],
    ['as a password', (secret) => `Basic ${btoa(`ada:${secret}`)}`],
    ['as a user’s name', (secret) => `Basic ${btoa(`${secret}:x`)}`],
    ['percent-encoded', (secret) => `Bearer ${encodeURIComponent(secret)}`],
    ['mistyped', (secret) => `Bearer ${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}`],
  ])('is refused in Authorization: %s', async (_how, write) => {
    for (const secret of secrets()) {
      const response = await post({ authorization: write(secret) });
      const text = await response.text();
      expect([response.status, JSON.parse(text).error]).toEqual([401, 'invalid_token']);
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(text).not.toContain(secret);
    }
    expect(behind.received).toEqual([]);
  });

  test.each([
    'mcp-session-id',
    'mcp-param-token',
    'mcp-name',
    'traceparent',
    'tracestate',
    'last-event-id',
    'accept-language',
  ])('is refused in another header that goes on: %s', async (name) => {
    for (const secret of secrets()) {
      for (const value of [secret, `vendor=${secret}`, btoa(`x:${secret}`)]) {
        const response = await post({ authorization: 'Bearer theirs', [name]: value });
        const text = await response.text();
        expect([response.status, JSON.parse(text).error]).toEqual([400, 'invalid_request']);
        expect(text).toContain(name);
        expect(text).not.toContain(secret);
      }
    }
    expect(behind.received).toEqual([]);
  });

  test('is refused in a header’s name', async () => {
    const response = await post({ authorization: 'Bearer theirs', [`mcp-param-${key}`]: 'x' });
    expect([response.status, behind.received.length]).toEqual([400, 0]);
    expect(await response.text()).not.toContain(key.toLowerCase());
  });

  test('is refused in the address, where logs keep it', async () => {
    for (const secret of secrets()) {
      for (const query of [
        `key=${encodeURIComponent(secret)}`,
        `a=1&b=x${btoa(secret)}`,
        encodeURIComponent(secret),
      ]) {
        const response = await post({ authorization: 'Bearer theirs' }, `/mcp/theirs?${query}`);
        const text = await response.text();
        expect([response.status, text.includes(secret)]).toEqual([400, false]);
        expect(text).toMatch(/logs and histories/);
      }
    }
    expect(behind.received).toEqual([]);
  });

  test('while theirs goes through, however much it looks like ours', async () => {
    const foreign = `${'A'.repeat(32)}:${'B'.repeat(16)}:${'C'.repeat(32)}`;
    for (const authorization of [
      `Bearer ${foreign}`,
      foreign,
      `Basic ${btoa(foreign)}`,
      'Bearer x, Bearer y',
    ]) {
      expect((await post({ authorization, 'mcp-session-id': foreign })).status).toBe(200);
      expect(behind.received.at(-1)?.headers.get('authorization')).toBe(authorization);
      expect(behind.received.at(-1)?.headers.get('mcp-session-id')).toBe(foreign);
    }
  });
});

test('at any other server it is refused in the headers that go on, and known by Authorization', async () => {
  const { tokens: own } = await connectWith(at(), `${ORIGIN}/mcp/open`, ['open']);
  const authorization = `Bearer ${own.access_token}`;
  expect((await post({ authorization }, '/mcp/open')).status).toBe(200);
  for (const name of ['mcp-param-token', 'tracestate']) {
    for (const secret of [...secrets(), own.access_token]) {
      expect((await post({ authorization, [name]: secret }, '/mcp/open')).status).toBe(400);
    }
  }
  expect(
    behind.received.every(({ headers }) => !JSON.stringify([...headers]).includes(own.access_token)),
  ).toBe(true);
});

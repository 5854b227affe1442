import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { browserAs, callWith, keyGate, makeKey, SERVERS } from '../../fixtures/keys';
import { watchReasons } from '../../fixtures/refusals';
import { connect } from '../../fixtures/worker';

/** What reached the server whose callers bring their own credential. */
const reached: Request[] = [];
const OWN = {
  fetch: async (request: Request) => {
    reached.push(request);
    return new Response('{}', { headers: { 'content-type': 'application/json' } });
  },
};
const passthrough = {
  name: 'own',
  binding: 'OWN',
  auth: 'passthrough',
  authorization_servers: ['https://id.example'],
};
const seen = { name: 'seen', binding: 'OWN', auth: 'none' };
const at = keyGate({ SERVERS: [...SERVERS, passthrough, seen], OWN });

let token: string;
let key: string;
let other: string;

beforeAll(async () => {
  const browser = await browserAs('Ada', at);
  token = (await connect({ browser })).tokens.access_token;
  key = (await makeKey(browser)).key;
  other = (await makeKey(browser)).key;
});
afterEach(() => {
  vi.restoreAllMocks();
  reached.length = 0;
});

/** Stands for a secret that only exists once the tests run. */
const fill = (text: string) =>
  text.replace('TOKEN', token).replace('OTHER', other).replace('KEY', key).replace('BROKEN', `${key}x`);

describe('two credentials at once', () => {
  test.each([
    ['a token and a key', 'Bearer TOKEN', 'KEY', 'an access token in Authorization'],
    ['two keys', 'Bearer KEY', 'OTHER', 'an access key in Authorization'],
    ['the same key in both ways', 'Bearer KEY', 'KEY', 'an access key in Authorization'],
    ['a token and nonsense', 'Bearer TOKEN', 'nonsense', 'an access token in Authorization'],
    ['nonsense and a key', 'Bearer nonsense', 'KEY', 'an access token in Authorization'],
    ['a password and a key', 'Basic YTpi', 'KEY', 'Basic in Authorization'],
    ['a scheme-less secret and a key', 'hunter2', 'KEY', 'something else in Authorization'],
    ['an empty key beside a token', 'Bearer TOKEN', '', 'an access token in Authorization'],
    [
      'a token and a key in one header',
      'Bearer TOKEN,Bearer KEY',
      undefined,
      'an access key and another credential',
    ],
    ['two keys in one header', undefined, 'KEY, OTHER', 'two access keys in x-api-key'],
  ])('are refused, by name: %s', async (_what, authorization, apiKey, words) => {
    const headers = {
      ...(authorization === undefined ? {} : { authorization: fill(authorization) }),
      ...(apiKey === undefined ? {} : { 'x-api-key': fill(apiKey) }),
    };
    const reasons = watchReasons();
    for (const path of ['/', '/mcp', '/mcp/notes']) {
      const { status, body } = await callWith(headers, at, path);
      expect([status, body.error]).toEqual([400, 'invalid_request']);
      expect(body.error_description).toContain(words);
      for (const secret of [token, key, other, 'hunter2']) expect(JSON.stringify(body)).not.toContain(secret);
    }
    expect(reasons()).toEqual(Array(3).fill('credentials_conflict'));
  });

  test('are readable for a web page, too: the refusal has CORS headers', async () => {
    const { headers } = await callWith({ authorization: `Bearer ${token}`, 'x-api-key': key }, at);
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });

  test("are that server's own business where callers bring theirs, and our key never gets there", async () => {
    const headers = { authorization: 'Bearer theirs', 'x-api-key': key };
    expect((await callWith(headers, at, '/mcp/own')).status).toBe(200);
    expect(reached.map((request) => request.headers.get('authorization'))).toEqual(['Bearer theirs']);
    expect(JSON.stringify(reached.map((request) => [...request.headers]))).not.toContain(key);
  });
});

describe('a credential of ours', () => {
  test.each(['Bearer KEY', 'bearer KEY', 'Bearer TOKEN', 'Bearer BROKEN'])(
    'never reaches a server whose callers bring their own: %s',
    async (authorization) => {
      const { status } = await callWith({ authorization: fill(authorization) }, at, '/mcp/own');
      expect([status, reached.length]).toEqual([401, 0]);
    },
  );

  test.each([
    ['a key', 'key=KEY'],
    ['a key under another name', 'x=1&token=KEY'],
    ['a key without a name', 'KEY'],
    ['a key that is mistyped', 'api_key=BROKEN'],
    ['a key as a header would have it', 'authorization=Bearer%20KEY'],
  ])('in the address is refused and says why, whatever else is sent: %s', async (_what, query) => {
    const filled = fill(query);
    for (const headers of [{}, { authorization: `Bearer ${token}` }] as Record<string, string>[]) {
      const reasons = watchReasons();
      const { status, body } = await callWith(headers, at, `/mcp?${filled}`);
      expect(status).toBe(400);
      expect(body.error_description).toMatch(/logs and histories/);
      expect(JSON.stringify(body)).not.toContain(key);
      expect(JSON.stringify(body)).not.toContain(token);
      expect(reasons()).toEqual(['key_in_url']);
    }
  });

  test('is never sent on to a server behind the gate, in whatever header it came', async () => {
    for (const headers of [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }] as Record<
      string,
      string
    >[]) {
      await callWith(headers, at, '/mcp/seen');
    }
    expect(reached.length).toBeGreaterThan(1);
    expect(JSON.stringify(reached.map((request) => [...request.headers]))).not.toMatch(/gth_|x-api-key/);
  });

  test('other parameters mean nothing, as before', async () => {
    expect((await callWith({ 'x-api-key': key }, at, '/mcp?q=1&key=mine')).status).toBe(200);
  });
});

describe('a key that is none', () => {
  const last = (text: string) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');

  test.each([
    ['its checksum is wrong', () => last(key), 'key_checksum'],
    [
      'a letter of it is another',
      () => key.replace(/.(?=.{20}$)/, (c) => (c === 'a' ? 'b' : 'a')),
      'key_checksum',
    ],
    ['its case is another', () => `gth_${key.slice(4).toLowerCase()}`, 'key_checksum'],
    ['it is cut', () => key.slice(0, 60), 'key_malformed'],
    ['it is longer', () => `${key}0`, 'key_malformed'],
    ['it has a character that is none', () => `${key.slice(0, -1)}-`, 'key_malformed'],
    ['it is the prefix alone', () => 'gth_', 'key_malformed'],
  ])('is refused without asking anybody: %s', async (_what, text, reason) => {
    for (const headers of [{ authorization: `Bearer ${text()}` }, { 'x-api-key': text() }] as Record<
      string,
      string
    >[]) {
      const reasons = watchReasons();
      const { status, body } = await callWith(headers, at);
      expect([status, body.error]).toEqual([401, 'invalid_token']);
      expect(reasons()).toEqual([reason]);
    }
  });

  test('an access token is no key, and says nothing as x-api-key', async () => {
    const reasons = watchReasons();
    expect((await callWith({ 'x-api-key': token }, at)).status).toBe(401);
    expect((await callWith({ 'x-api-key': '' }, at)).status).toBe(401);
    expect(reasons()).toEqual(['key_malformed', 'key_malformed']);
  });

  test('with spaces around it is the key', async () => {
    expect((await callWith({ 'x-api-key': ` ${key} ` }, at)).status).toBe(200);
  });
});

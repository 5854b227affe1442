import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectTo, gateBefore, type Placed, plainServer } from '../fixtures/mcp-server';
import { Caller, type Sent } from '../fixtures/mcp-server-caller';
import { ACME } from '../oauth/people';

/* What reaches a server, and where it goes. */

afterEach(() => {
  vi.restoreAllMocks();
});

/** The last request that reached a server placed so, after one of a client with these headers. */
async function reached(setting: object, variables: object = {}, sent: Sent = {}) {
  const behind = plainServer();
  const at = gateBefore({ one: { behind, setting: { ...setting } } }, { ...ACME, ...variables });
  const connected = await connectTo(at, 'one');
  const answer = await new Caller(connected, 'one').send(sent);
  const last = behind.received.at(-1);
  if (answer.status !== 200 || !last) throw new Error(`${answer.status}`);
  return { headers: last.headers, url: last.url, token: connected.tokens.access_token };
}

/** Headers that claim who is calling, or from where. With them this is no local development any more. */
const CLAIMS = {
  cookie: 'session=1',
  forwarded: 'for=10.0.0.1',
  'x-forwarded-for': '10.0.0.1',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-user': 'root',
  'x-forwarded-email': 'root@acme.example',
  'x-real-ip': '10.0.0.1',
  'x-user': 'root',
  'x-auth-request-user': 'root',
  'cf-connecting-ip': '10.0.0.1',
  'cf-access-jwt-assertion': 'e30.e30.',
  'gatehouse-identity': 'e30.e30.',
  'proxy-authorization': 'Basic cm9vdDo=',
  'remote-user': 'root',
  origin: 'http://localhost:6274',
  referer: 'http://localhost:6274/',
  'user-agent': 'evil',
};

describe('of a client’s request', () => {
  test('nothing that tells, or claims to tell, who is calling reaches a server', async () => {
    const { headers, token } = await reached({}, {}, { headers: CLAIMS });
    for (const name of ['authorization', ...Object.keys(CLAIMS)])
      expect([name, headers.get(name)]).toEqual([name, null]);
    expect(JSON.stringify([...headers])).not.toContain(token.slice(-20));
  });

  test('what the protocol needs does', async () => {
    const sent = {
      'accept-language': 'de',
      'last-event-id': '7',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      'mcp-method': 'ping',
    };
    const { headers, url } = await reached({}, {}, { headers: sent });
    for (const [name, value] of Object.entries(sent)) expect(headers.get(name)).toBe(value);
    expect(headers.get('accept')).toBe('application/json, text/event-stream');
    expect(headers.get('mcp-protocol-version')).toBe('2025-11-25');
    expect(url).toBe('https://one/mcp');
  });
});

describe('a fixed secret', () => {
  const secret = { SERVER_ONE_SECRET: 'Key  abc==; "x"' };

  test.each(['Authorization', 'X-Api-Key', 'Mcp-Param-Token'])(
    'is sent verbatim in %s, whatever the client sends there',
    async (header) => {
      const { headers } = await reached({ auth: 'static', header }, secret, {
        headers: { 'mcp-param-token': 'mine' },
      });
      expect(headers.get(header)).toBe(secret.SERVER_ONE_SECRET);
      if (header !== 'Authorization') expect(headers.has('authorization')).toBe(false);
    },
  );

  test('is not sent to a server that has none', async () => {
    const { headers } = await reached({ auth: 'none' }, secret);
    expect(JSON.stringify([...headers])).not.toContain('abc');
  });
});

describe('a server by address', () => {
  const url = 'https://one.example/mcp?tenant=7';
  const variables = { SERVER_ONE_SECRET: 'shared' };

  /** A client of it, the network beyond as it answers, and what was sent there. */
  async function behindNetwork(setting: Record<string, unknown>, answer: () => Response | Promise<Response>) {
    const sent = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(null, { status: 400 }));
    const at = gateBefore({ one: { setting } }, { ...ACME, ...variables });
    const caller = new Caller(await connectTo(at, 'one'), 'one');
    sent.mockReset().mockImplementation(async () => answer());
    return { caller, sent };
  }

  test('is called there, redirects not followed, with nothing of the client but what it needs', async () => {
    const { caller, sent } = await behindNetwork({ url, auth: 'static' }, () => Response.json({}));
    expect((await caller.send({ headers: CLAIMS })).status).toBe(200);
    const [to, init] = sent.mock.calls.at(-1) ?? [];
    expect([to, init?.redirect, init?.method]).toEqual([url, 'manual', 'POST']);
    const headers = new Headers(init?.headers);
    expect(headers.get('authorization')).toBe('shared');
    for (const name of Object.keys(CLAIMS)) expect(headers.has(name)).toBe(false);
  });

  test('that redirects to itself with a slash is called there, and from then on at once', async () => {
    const { caller, sent } = await behindNetwork({ url: 'https://slash.example/mcp' }, () =>
      String(sent.mock.calls.at(-1)?.[0]).endsWith('/mcp/')
        ? Response.json({ jsonrpc: '2.0', id: 7, result: {} })
        : new Response(null, { status: 307, headers: { location: '/mcp/' } }),
    );
    for (const calls of [2, 3]) {
      expect((await caller.send({ method: 'ping' })).status).toBe(200);
      expect(sent.mock.calls).toHaveLength(calls);
    }
  });

  test.each([
    ['another host', 'https://other.example/mcp/', 308],
    ['another path', '/mcp/v2', 307],
    ['another query', '/mcp/?tenant=8', 307],
    ['a credential', 'https://a:b@one.example/mcp/', 307],
    ['a page', '/mcp/', 302],
  ])('that redirects to %s is not followed', async (_, location, status) => {
    const { caller, sent } = await behindNetwork(
      { url: 'https://one.example/mcp' },
      () => new Response(null, { status, headers: { location } }),
    );
    expect((await caller.send({ method: 'ping' })).status).toBe(502);
    expect(sent.mock.calls).toHaveLength(1);
  });

  test.each([
    ['that is down', () => Promise.reject(new TypeError('connect ECONNREFUSED 93.184.216.34:443')), 502],
    ['that redirects inward', () => Response.redirect('http://169.254.169.254/latest', 302), 502],
  ])('%s is named in the error', async (_what, answer, status) => {
    const { caller } = await behindNetwork({ url }, answer);
    const response = await caller.fetch();
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(text).toContain('“one”');
    for (const inside of ['example', '93.184', '169.254']) expect(text).not.toContain(inside);
  });

  test.each([
    'https://169.254.169.254/mcp',
    'https://10.0.0.1/mcp',
    'https://[::ffff:10.0.0.1]/mcp',
    'https://metadata.internal/mcp',
    'https://intranet/mcp',
  ])('that is private is never called: %s', async (privateUrl) => {
    const { caller, sent } = await behindNetwork({ url: privateUrl }, () => Response.json({}));
    expect((await caller.send()).status).toBe(502);
    expect(sent).not.toHaveBeenCalled();
  });

  test('on this computer is called where the gate runs there too, and nowhere else', async () => {
    const { caller, sent } = await behindNetwork({ url: 'http://127.0.0.1:9001/mcp' }, () =>
      Response.json({}),
    );
    expect((await caller.send()).status).toBe(200);
    expect(sent).toHaveBeenCalledTimes(1);
    // A proxy stands before it: not local any more.
    expect((await caller.send({ headers: { 'x-forwarded-for': '1.1.1.1' } })).status).toBe(502);
    expect(sent).toHaveBeenCalledTimes(1);
  });
});

describe('an entrypoint of the Worker itself', () => {
  const inside = plainServer();
  const given: unknown[] = [];
  const Inside = (options: { props: unknown }) => {
    given.push(options.props);
    return inside;
  };
  const placed: Placed = { setting: { entrypoint: 'Inside', title: 'Inside' } };

  test('gets the principal, in props that no caller can set', async () => {
    const at = gateBefore({ one: placed }, ACME, { exports: { Inside } });
    const { tokens, client, ...rest } = await connectTo(at, 'one', { scope: ['mcp:read'] });
    await new Caller({ ...rest, tokens }, 'one').send({ headers: CLAIMS });
    expect(given.at(-1)).toMatchObject({
      user: { id: tokens.access_token.split(':')[0], name: 'Ada' },
      client: { id: client.client_id },
      scope: ['mcp:read'],
      servers: ['one'],
      role: 'owner',
    });
    expect(inside.received.at(-1)?.headers.has('authorization')).toBe(false);
    expect(JSON.stringify(given.at(-1))).not.toContain(tokens.access_token.slice(-20));
  });

  test('that is not exported keeps the gate from serving, which says what to write', async () => {
    const at = gateBefore({ one: placed }, {}, { exports: {} });
    const response = await at.fetch('/health');
    expect(response.status).toBe(503);
    const { problems } = (await response.json()) as { problems: unknown[] };
    expect(problems).toEqual([
      {
        setting: 'SERVERS[0].entrypoint',
        problem: '"Inside" is no entrypoint that this Worker exports',
        fix: 'export class Inside extends WorkerEntrypoint in src/servers/',
      },
    ]);
  });
});

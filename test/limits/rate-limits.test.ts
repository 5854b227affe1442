import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { missingRateLimits, RATE_LIMITS, type RateLimitName } from '../../src/limits/rate-limits';
import { from, REACHABLE } from '../fixtures/from-address';
import { formOf } from '../fixtures/keys';
import {
  Browser,
  callMcp,
  connect,
  type Gate,
  gateWith,
  locationOf,
  type Page,
  registerClient,
  textOf,
} from '../fixtures/worker';
import { registerDevice } from '../oauth/device/devices';

declare global {
  namespace Cloudflare {
    interface Env {
      /** Three in a minute (vitest.config.ts). */
      RATE_TEST?: RateLimit;
    }
  }
}

/** The gate where that limit is three in a minute. */
function limited(name: RateLimitName, settings: Record<string, unknown> = {}): Gate {
  return gateWith({ ...REACHABLE, ...settings, [RATE_LIMITS[name]]: env.RATE_TEST });
}

let addresses = 0;
/** An address that no other test comes from: they share the counter. */
const freshAddress = () => `192.0.2.${++addresses}`;

interface Told {
  status: number;
  retryAfter: string | null;
  body: Record<string, unknown>;
}

/** What eight requests are told, one after the other: windows of a minute may change once in between. */
async function eight(ask: () => Promise<Response>): Promise<Told[]> {
  const told: Told[] = [];
  for (let asked = 0; asked < 8; asked++) {
    const response = await ask();
    const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    told.push({ status: response.status, retryAfter: response.headers.get('retry-after'), body });
  }
  return told;
}

/** The first three go on; of the others at least two are 429. */
function expectLimited(told: { status: number }[]): void {
  expect(told.slice(0, 3).filter(({ status }) => status === 429)).toEqual([]);
  expect(told.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(2);
}

const post = (at: Gate, path: string, body: BodyInit, type?: string) =>
  at.fetch(path, { method: 'POST', body, ...(type ? { headers: { 'content-type': type } } : {}) });

describe('an app of one address that asks too often', () => {
  const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

  it.each<[string, RateLimitName, string, () => Promise<BodyInit>, string, string | undefined]>([
    [
      'registrations',
      'registrations',
      '/oauth/register',
      async () => '{}',
      'temporarily_unavailable',
      'application/json',
    ],
    [
      'device codes',
      'devices',
      '/oauth/device_authorization',
      async () => new URLSearchParams({ client_id: (await registerDevice()).client_id }),
      'temporarily_unavailable',
      undefined,
    ],
    [
      'tokens',
      'tokens',
      '/oauth/token',
      async () => new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x' }),
      'temporarily_unavailable',
      undefined,
    ],
    [
      'revocations',
      'tokens',
      '/oauth/revoke',
      async () => new URLSearchParams({ token: 'x' }),
      'temporarily_unavailable',
      undefined,
    ],
    [
      'tokens of a device that waits: it must not give up',
      'tokens',
      '/oauth/token',
      async () => new URLSearchParams({ grant_type: DEVICE_CODE, device_code: 'x', client_id: 'x' }),
      'slow_down',
      undefined,
    ],
    [
      'tokens with a wrong client',
      'failures',
      '/oauth/token',
      async () => new URLSearchParams({ grant_type: 'refresh_token', client_id: 'made-up' }),
      'temporarily_unavailable',
      undefined,
    ],
  ])(
    'for %s hears 429, when to come back, and nobody else does',
    async (_, name, path, makeBody, error, type) => {
      const [at, body] = [limited(name), await makeBody()];
      const address = freshAddress();
      const told = await eight(() => post(from(address, at), path, body, type));
      expectLimited(told);
      const last = told.find(({ status }) => status === 429);
      expect(last).toMatchObject({
        retryAfter: '60',
        body: { error, error_description: expect.any(String) },
      });
      expect((await post(from(freshAddress(), at), path, body, type)).status).not.toBe(429);
    },
  );

  it('from many addresses of one IPv6 network is one address', async () => {
    const at = limited('registrations');
    let last = 0;
    const ask = () =>
      post(
        from(() => `2001:db8:9:9::${++last}`, at),
        '/oauth/register',
        '{}',
        'application/json',
      );
    expectLimited(await eight(ask));
  });
});

describe('a person whose network asks too often', () => {
  /** Eight pages, one after the other. */
  async function pages(open: () => Promise<Page>): Promise<Page[]> {
    const opened: Page[] = [];
    for (let asked = 0; asked < 8; asked++) opened.push(await open());
    return opened;
  }

  function expectPage(opened: Page[]): void {
    expectLimited(opened);
    const last = opened.find(({ status }) => status === 429);
    expect(last?.headers.get('retry-after')).toBe('60');
    expect(textOf(last?.html ?? '')).toMatch(/Too many requests.*Wait a minute/s);
  }

  it.each<[RateLimitName, string]>([
    ['authorizations', 'an app that asks for access'],
    ['flows', 'any sign-in'],
  ])('%s: reads what happened and what to do, when it is %s', async (name) => {
    const client = await registerClient();
    const at = from(freshAddress(), limited(name));
    const { client_id, redirect_uri } = client;
    const request = { client_id, redirect_uri, response_type: 'code', code_challenge_method: 'S256' };
    const query = new URLSearchParams({ ...request, code_challenge: 'A'.repeat(43) });
    expectPage(await pages(() => new Browser(at).visit(`/authorize?${query}`)));
  });

  it('reads it too when it is new visitors; one who was here before comes in', async () => {
    const settings = { SIGN_IN: { methods: ['local', 'skip'] } };
    const at = from(freshAddress(), limited('visitors', settings));
    const skip = async (browser: Browser) => {
      const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
      return browser.submit(formOf(page, 'skip'), { method: 'skip' });
    };
    const known = new Browser(at);
    expect((await skip(known)).status).toBe(303);
    // The known one was the first.
    const opened = await pages(() => skip(new Browser(at)));
    expectPage([{ ...(opened[0] as Page), status: 303 }, ...opened].slice(0, 8));
    known.cookies.delete('gatehouse-sign-in');
    expect((await skip(known)).status).toBe(303);
  });

  it('reads it too when it is wrong keys', async () => {
    const at = from(freshAddress(), limited('failures', { SIGN_IN: { methods: ['local', 'key'] } }));
    const browser = new Browser(at);
    const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
    expectPage(
      await pages(() => browser.submit(formOf(page, 'key'), { method: 'key', access_key: 'gth_wrong' })),
    );
  });
});

describe('at an MCP path', () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  };
  const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

  function expectRpcError(told: Told[]): void {
    expectLimited(told);
    expect(told.find(({ status }) => status === 429)).toMatchObject({
      retryAfter: '60',
      body: {
        jsonrpc: '2.0',
        error: { code: -32029, message: expect.stringContaining('Try again in a minute') },
      },
    });
  }

  it.each<RateLimitName>(['calls', 'client_calls'])(
    '%s: tool calls of one user are limited, and of no other',
    async (name) => {
      const at = limited(name);
      const [ada, eve] = await Promise.all([
        connect({ user: { name: `Busy ${name}` } }),
        connect({ user: { name: `Calm ${name}` } }),
      ]);
      const call = (token: string) =>
        at.fetch('/mcp', {
          method: 'POST',
          headers: { ...headers, authorization: `Bearer ${token}` },
          body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'whoami' } }),
        });
      const told = await eight(() => call(ada.tokens.access_token));
      expectRpcError(told);
      expect(told.find(({ status }) => status === 429)?.body.id).toBe(7);
      expect((await call(eve.tokens.access_token)).status).toBe(200);
      const list = await callMcp(ada.tokens.access_token, { gate: at, method: 'tools/list' });
      expect(list.status).toBe(200);
    },
  );

  it('wrong keys are 429 after a while, and a right one at the same address goes on', async () => {
    const { tokens } = await connect({ user: { name: 'Right' } });
    const at = from(freshAddress(), limited('failures'));
    const ask = (token: string) =>
      at.fetch('/mcp', {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${token}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
    expectRpcError(await eight(() => ask('made-up')));
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(200);
  });

  it('wrong tokens of one person wake their account only so often, and cost them nothing elsewhere', async () => {
    const { tokens } = await connect({ user: { name: 'Guessed at' } });
    const at = limited('requests');
    const wrong = `${tokens.access_token.slice(0, -4)}AAAA`;
    const ask = (gate: Gate) =>
      gate.fetch('/mcp', {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${wrong}` },
        body: JSON.stringify(initialize),
      });
    const guesser = from(freshAddress(), at);
    const told = await eight(() => ask(guesser));
    expectRpcError(told);
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([401, 429]));
    expect((await callMcp(tokens.access_token, { gate: from(freshAddress(), at) })).status).toBe(200);
  });

  it('sessions without a credential are limited by where they begin', async () => {
    const at = from(freshAddress(), limited('sessions', { UNAUTHENTICATED: 'authorize_tool' }));
    const begin = () => at.fetch('/mcp', { method: 'POST', headers, body: JSON.stringify(initialize) });
    expectRpcError(await eight(begin));
  });
});

describe('a limit that isn’t bound', () => {
  it('limits nothing', async () => {
    const none = Object.fromEntries(Object.values(RATE_LIMITS).map((binding) => [binding, undefined]));
    const here = gateWith({ ...REACHABLE, ...none });
    const at = from(freshAddress(), here);
    for (let asked = 0; asked < 8; asked++) {
      expect((await post(at, '/oauth/register', '{}', 'application/json')).status).toBe(400);
    }
    expect((await connect({ gate: here })).tokens.access_token).toBeTruthy();
  });

  it('is one that wrangler.toml has', () => {
    expect(missingRateLimits(env)).toEqual([]);
    expect(missingRateLimits({ ...env, RATE_CALLS: undefined } as unknown as Env)).toEqual(['RATE_CALLS']);
  });

  it('is named by /health of a public host, which is well otherwise', async () => {
    const settings = {
      PUBLIC_URL: 'https://gate.example',
      SIGN_IN: { methods: ['key'] },
      RATE_CALLS: undefined,
    };
    const at = gateWith(settings, 'https://gate.example');
    const response = await at.fetch('/health');
    expect(response.status).toBe(200);
    const problem = expect.stringContaining('RATE_CALLS');
    expect(await response.json()).toMatchObject({
      status: 'degraded',
      problems: [{ setting: 'ratelimits', problem }],
    });
    const local = await gateWith({ RATE_CALLS: undefined }).fetch('/health');
    expect(await local.json()).toMatchObject({ status: 'ok', problems: [] });
  });

  it('or is a text by mistake, refuses nobody and fails nobody', async () => {
    const at = gateWith({ RATE_REGISTRATIONS: '3000' });
    expect((await post(at, '/oauth/register', '{}', 'application/json')).status).toBe(400);
  });

  it('or can’t count just now, refuses nobody', async () => {
    const limit = vi.fn(() => Promise.reject(new Error('the platform')));
    const at = gateWith({ RATE_REGISTRATIONS: { limit } });
    expect((await post(at, '/oauth/register', '{}', 'application/json')).status).toBe(400);
    expect(limit).toHaveBeenCalledOnce();
  });
});

it('says in the log which limit it was, and of whom', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const at = from(freshAddress(), limited('registrations'));
  await eight(() => post(at, '/oauth/register', '{}', 'application/json'));
  const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('"rate_limit"'));
  log.mockRestore();
  expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ outcome: 'refused', reason: 'rate_registrations' });
  expect(lines.join()).not.toContain('192.0.2.');
});

import { beforeEach, describe, expect, test } from 'vitest';
import {
  type Behind,
  connectWith,
  gateBefore,
  ORIGIN,
  type Received,
  scripted,
} from '../fixtures/mcp-server';
import { bodyOf } from '../fixtures/mcp-server-caller';
import { gate, gateWith } from '../fixtures/worker';

/*
 * What servers behind the gate answer never becomes a page at the gate's own origin, where a browser would run it
 * with the person's cookies: not by its type, its status or its headers.
 */

const PAGE = '<script>fetch("/api/keys",{method:"POST",credentials:"include"})</script>';
const SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'";

let answer: (request: Received) => Response | Promise<Response>;
let behind: Behind;

beforeEach(() => {
  answer = () => Response.json({ ok: true });
  behind = scripted((request) => answer(request));
});

/** A server whose token everybody shares, and one that asks nobody: both by way of the same answers. */
const servers = () => ({
  shared: { behind, setting: { auth: 'passthrough' } },
  open: { behind, setting: { auth: 'none' } },
});
const at = () => gateBefore(servers(), { SERVER_SHARED_SECRET: 'Key shared' });

async function token(): Promise<string> {
  return (await connectWith(at(), `${ORIGIN}/mcp/open`, ['open'])).tokens.access_token;
}

/** Asks both endpoints. */
async function ask(init: RequestInit = {}): Promise<Response[]> {
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/json',
    ...init.headers,
  });
  const body = bodyOf({ method: 'ping' });
  const request = { method: 'POST', body, ...init };
  const shared = await at().fetch('/mcp/shared', { ...request, headers });
  headers.set('authorization', `Bearer ${await token()}`);
  return [shared, await at().fetch('/mcp/open', { ...request, headers })];
}

function expectHarmless(response: Response): void {
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('content-security-policy')).toBe(SANDBOX);
}

describe('an answer that is no MCP never runs at the gate’s origin', () => {
  test.each([
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/xml',
    'application/xml',
    'text/plain',
    'application/javascript',
    'multipart/x-mixed-replace; boundary=x',
    'application/pdf',
    'application/octet-stream',
    'application/problem+json',
    'application/json, text/html',
    'text/html;application/json',
    'text/html; x=application/json',
    'application/jsonp',
    'application/json\u00a0;x=y',
    'application/json;charset=utf-7',
    'text/event-stream;charset=utf-7',
    'text/event-stream-page',
    '*/*',
    '',
  ])('%s', async (type) => {
    for (const status of [200, 201, 400, 404, 418, 500, 503]) {
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
      answer = () => new Response(new TextEncoder().encode(PAGE), { status, headers });
      for (const response of await ask()) {
        const text = await response.text();
        expect(text).not.toContain('<script');
        const refused = status >= 400 && status < 500;
        expect([response.status, text === '']).toEqual(refused ? [status, true] : [502, false]);
        if (!refused) expect(JSON.parse(text)).toMatchObject({ error: { message: /not MCP/ } });
        expect(response.headers.get('content-type')).toBe(refused ? null : 'application/json');
        expectHarmless(response);
      }
    }
  });

  test('the types of MCP come in the gate’s own spelling, with the same bytes', async () => {
    for (const [type, spelled] of [
      ['Application/JSON', 'application/json'],
      ['application/json; charset=UTF-8', 'application/json'],
      ['application/json ; x="text/html"', 'application/json'],
      ['text/event-stream; charset=utf-8', 'text/event-stream'],
    ] as const) {
      answer = () =>
        new Response('{"jsonrpc":"2.0","id":1,"result":{}}', { headers: { 'content-type': type } });
      for (const response of await ask()) {
        expect([response.status, response.headers.get('content-type')]).toEqual([200, spelled]);
        expectHarmless(response);
        await response.body?.cancel();
      }
    }
  });

  test('by a header of its own', async () => {
    const headers = {
      'content-type': 'application/json',
      'content-disposition': 'attachment; filename=x.html',
      refresh: '0;url=https://evil.example',
      'set-cookie': '__Host-gatehouse-sign-in=x; Path=/; Secure',
      location: 'https://evil.example',
      link: '<https://evil.example>; rel=preload',
      'clear-site-data': '"*"',
      'service-worker-allowed': '/',
      'content-security-policy': 'script-src *',
      'content-security-policy-report-only': 'script-src *',
      'access-control-allow-origin': 'https://evil.example',
      'access-control-allow-credentials': 'true',
      'x-frame-options': 'ALLOWALL',
      sourcemap: '/x',
      'strict-transport-security': 'max-age=0',
      'cache-control': 'public, max-age=31536000',
      'mcp-protocol-version': '2025-11-25<script>',
      'retry-after': '<script>',
      'x-powered-by': 'x',
    };
    answer = () => new Response('{"jsonrpc":"2.0","id":1,"result":{}}', { headers });
    for (const response of await ask()) {
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      for (const name of Object.keys(headers).filter(
        (one) => !/^(content-type|cache|content-security-policy$)/.test(one),
      ))
        if (name !== 'access-control-allow-origin') expect(response.headers.has(name), name).toBe(false);
      expectHarmless(response);
    }
  });

  test.each([101, 300, 304, 307])(
    'by a status that means something else to a browser: %i',
    async (status) => {
      answer = () =>
        status === 101
          ? new Response(null, { status, webSocket: new WebSocketPair()[0] })
          : new Response(null, { status });
      for (const response of await ask()) {
        expect(response.status).toBe(502);
        expect(response.headers.has('location')).toBe(false);
        expectHarmless(response);
      }
    },
  );
});

describe('a browser that shows what is at the gate’s paths', () => {
  test('gets nothing that could do anything, whatever it asks for', async () => {
    const paths = ['/mcp', '/mcp/shared', '/mcp/none', '/mcp/open/more', '/mcp/%00', '/oauth/token'];
    const wellKnown = [
      '/.well-known/oauth-authorization-server',
      '/.well-known/jwks.json',
      '/oauth/client.json',
    ];
    for (const path of [...paths, ...wellKnown]) {
      for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'HEAD']) {
        expectHarmless(await at().fetch(path, { method, headers: { origin: 'https://evil.example' } }));
        expectHarmless(await at().fetch(path, { method }));
      }
    }
    for (const path of ['/nowhere', '/health', '/api/keys', '/account/keys', '/sign-in']) {
      expect((await at().fetch(path)).headers.get('x-content-type-options')).toBe('nosniff');
    }
    expectHarmless(await gateWith({ TOKENS: { code: 0 } }).fetch('/mcp', { method: 'POST' }));
  });

  test('still gets the gate’s pages, with the policy that is theirs', async () => {
    for (const path of ['/', '/mcp', '/mcp/shared', '/sign-in', '/nowhere']) {
      const response = await at().fetch(path, {
        headers: { accept: 'text/html', 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' },
      });
      const policy = response.headers.get('content-security-policy') ?? '';
      if (response.status === 302 || response.status === 303) continue;
      expect(response.headers.get('content-type')).toContain('text/html');
      expect(policy).toContain('style-src');
      expect(policy).not.toContain('sandbox');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });
});

describe('what a browser sends for a page without asking first reaches no server', () => {
  const forms: [string, string | undefined][] = [
    ['text', 'text/plain'],
    ['text that names JSON', 'text/plain; application/json'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form with files', 'multipart/form-data; boundary=x'],
    ['two types', 'text/plain, application/json'],
    ['JSON of another kind', 'application/jsonp'],
    ['nothing named', undefined],
  ];
  test.each(forms)('%s', async (_what, type) => {
    const headers: Record<string, string> = {
      origin: 'https://claude.ai',
      ...(type && { 'content-type': type }),
    };
    const body = new TextEncoder().encode(bodyOf({ method: 'tools/call', params: { name: 'erase' } }));
    for (const path of ['/mcp/shared', '/mcp/open', '/mcp', '/']) {
      const response = await at().fetch(path, { method: 'POST', headers, body });
      expect([401, 415]).toContain(response.status);
      if (path === '/mcp/shared') expect(response.status).toBe(415);
      expectHarmless(response);
    }
    expect(behind.received).toEqual([]);
  });

  test.each([
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'script' },
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-mode': 'websocket', 'sec-fetch-dest': 'websocket' },
    { 'sec-fetch-mode': 'cors, navigate' },
  ])('as it says itself: %o', async (said) => {
    for (const path of ['/mcp/shared', '/mcp/open', '/mcp', '/']) {
      for (const method of ['POST', 'GET']) {
        const headers = { 'content-type': 'application/json', accept: '*/*', ...said } as Record<
          string,
          string
        >;
        const body = method === 'POST' ? bodyOf({}) : null;
        const response = await at().fetch(path, { method, headers, body });
        expect(response.status, `${method} ${path}`).toBe(403);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        expectHarmless(response);
      }
    }
    expect(behind.received).toEqual([]);
  });

  test('while pages of allowed origins go on calling by fetch, as clients without a browser do', async () => {
    const fetches = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
    for (const said of [
      { ...fetches, 'sec-fetch-site': 'cross-site', origin: 'https://claude.ai' },
      { 'sec-fetch-mode': 'cors' },
      {},
    ]) {
      for (const response of await ask({ headers: said as Record<string, string> })) {
        expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
      }
    }
  });
});

describe('a message to a server with a shared token', () => {
  test('is bounded', async () => {
    const small = { shared: { behind, setting: { auth: 'passthrough', max_request_bytes: 2000 } } };
    const bounded = gateBefore(small, { SERVER_SHARED_SECRET: 'Key shared' });
    const headers = { 'content-type': 'application/json' };
    const send = (body: string) => bounded.fetch('/mcp/shared', { method: 'POST', headers, body });
    expect((await send('x'.repeat(2000))).status).toBe(200);
    expect((await send('x'.repeat(2001))).status).toBe(413);
    expect(behind.received).toHaveLength(1);
  });

  test('goes on as JSON, in the gate’s spelling, by the methods of the transport only', async () => {
    for (const type of ['application/json; charset=utf-7', 'APPLICATION/JSON']) {
      await ask({ headers: { 'content-type': type } });
      expect(behind.received[0]?.headers.get('content-type')).toBe('application/json');
      behind.received.length = 0;
    }
    for (const method of ['PUT', 'PATCH', 'PROPFIND', 'HEAD']) {
      const response = await at().fetch('/mcp/shared', { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE']);
    }
    expect(behind.received).toEqual([]);
  });
});

test('a preflight is answered before anything else looks at it', async () => {
  for (const path of ['/', '/mcp', '/mcp/shared', '/mcp/none']) {
    const headers = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'sec-fetch-mode': 'cors',
      host: 'evil.example',
    };
    const response = await gate.fetch(path, { method: 'OPTIONS', headers });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  }
});

import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import worker from '../../../src';
import { watchReasons } from '../../fixtures/refusals';
import { type Gate, gateWith } from '../../fixtures/worker';

const OIDC = [{ name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate' }];
const SIGN_IN = { oidc: OIDC };
const PUBLIC_URL = 'https://gate.example';
const EVIL = 'http://evil.example';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A gate that is known as `PUBLIC_URL`, asked at another host. */
const askedAt = (origin: string, more: object = {}): Gate =>
  gateWith({ PUBLIC_URL, SIGN_IN, ...more }, origin);

const REQUESTS = [
  ['POST', '/'],
  ['POST', '/mcp'],
  ['POST', '/mcp/notes'],
  ['GET', '/health'],
  ['GET', '/sign-in'],
  ['GET', '/authorize?client_id=x'],
  ['POST', '/oauth/register'],
  ['POST', '/oauth/token'],
  ['GET', '/.well-known/oauth-authorization-server'],
  ['GET', '/.well-known/oauth-protected-resource/mcp'],
  ['GET', '/oauth/client.json'],
  ['GET', '/api/keys'],
  ['GET', '/nowhere'],
] as const;

describe('with PUBLIC_URL, a request for another host is refused before anything else', () => {
  test.each(REQUESTS)('%s %s', async (method, path) => {
    const reasons = watchReasons();
    const program = await askedAt(EVIL).fetch(path, { method });
    expect(program.status).toBe(421);
    expect(await program.json()).toMatchObject({
      error: 'misdirected_request',
      error_description: expect.stringContaining(PUBLIC_URL),
    });
    const page = await askedAt(EVIL).fetch(path, { method, headers: { origin: EVIL } });
    expect([page.status, (await page.json<{ error: string }>()).error]).toEqual([403, 'access_denied']);
    expect(reasons()).toEqual(['host_not_ours', 'host_not_ours']);
  });

  test('the settings may be as broken as they like', async () => {
    const response = await askedAt(EVIL, { TOKENS: { code: 0 } }).fetch('/mcp', { method: 'POST' });
    expect(response.status).toBe(421);
  });

  test('a person reads where the gate is', async () => {
    const response = await askedAt(EVIL).fetch('/', { headers: { accept: 'text/html' } });
    expect(response.status).toBe(421);
    expect(await response.text()).toContain(PUBLIC_URL);
  });

  test.each([
    'https://gate.workers.dev',
    'https://gate.example.evil.example',
    'https://evilgate.example',
    'https://gate.example:8443',
    'https://gate.example.',
    'http://10.0.0.1:8787',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
  ])('such as %s', async (origin) => {
    expect((await askedAt(origin).fetch('/mcp', { method: 'POST' })).status).toBe(421);
  });

  test.each([
    'evil.example',
    'evil.example@gate.example',
    'gate.example, evil.example',
    'localhost:8787@evil.example',
    '',
  ])('by its Host header too: %s', async (host) => {
    const request = new Request(`${PUBLIC_URL}/mcp`, { method: 'POST', headers: { host } });
    const settings = { ...env, PUBLIC_URL, SIGN_IN };
    expect((await worker.fetch(request, settings, createExecutionContext())).status).toBe(421);
  });

  test('a preflight is answered all the same', async () => {
    const headers = { origin: EVIL, 'access-control-request-method': 'POST' };
    expect((await askedAt(EVIL).fetch('/mcp', { method: 'OPTIONS', headers })).status).toBe(204);
  });
});

describe('with PUBLIC_URL, a request is served that was sent to', () => {
  test.each([
    ['that host', 'https://gate.example'],
    ['that host, as a proxy on this computer hands it on', 'http://gate.example'],
    ['that host in capitals', 'https://GATE.example'],
    ['that host with its port', 'http://gate.example:443'],
    ['this computer, where a tunnel or a probe ends', 'http://localhost:8787'],
    ['this computer by number', 'http://127.0.0.1:8787'],
    ['this computer, IPv6', 'http://[::1]:8787'],
  ])('%s: %s', async (_what, origin) => {
    expect((await askedAt(origin).fetch('/mcp', { method: 'POST' })).status).toBe(401);
    expect((await askedAt(origin).fetch('/health')).status).toBe(200);
  });

  test('a host of HOSTS, which is no origin of the gate’s for all that', async () => {
    const at = askedAt('https://gate.internal:8080', { HOSTS: ['gate.internal:8080'] });
    expect((await at.fetch('/mcp', { method: 'POST' })).status).toBe(401);
    const origin = 'https://gate.internal:8080';
    expect((await at.fetch('/mcp', { method: 'POST', headers: { origin } })).status).toBe(403);
  });
});

describe('a web page that may not call', () => {
  test('is refused although the gate isn’t set up', async () => {
    for (const at of [
      gateWith({ TOKENS: { code: 0 } }),
      gateWith({}, EVIL),
      gateWith({ GATEHOUSE_KEYS: '{' }),
    ]) {
      for (const path of ['/', '/mcp', '/mcp/notes', '/mcp/a/b']) {
        const response = await at.fetch(path, { method: 'POST', headers: { origin: EVIL } });
        expect(response.status).toBe(403);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
      }
    }
  });

  test('gains nothing by a name of its own for this computer (DNS rebinding)', async () => {
    const rebound = gateWith({ SIGN_IN }, EVIL);
    for (const path of ['/', '/mcp', '/mcp/notes']) {
      expect((await rebound.fetch(path, { method: 'POST', headers: { origin: EVIL } })).status).toBe(403);
    }
  });
});

describe('without PUBLIC_URL, off loopback', () => {
  interface Health {
    status: string;
    warnings: { setting: string; problem: string; fix: string }[];
  }

  test('/health warns and says what to write, and nothing else is the worse for it', async () => {
    const response = await gateWith({ SIGN_IN }, PUBLIC_URL).fetch('/health');
    expect(response.status).toBe(200);
    const { status, warnings } = await response.json<Health>();
    expect([status, warnings.map(({ setting }) => setting)]).toEqual(['ok', ['PUBLIC_URL']]);
    expect(warnings[0]?.fix).toContain('PUBLIC_URL = "https://');
  });

  test('the log warns once, whatever is asked for', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const at = gateWith({ SIGN_IN }, PUBLIC_URL);
    for (let request = 0; request < 3; request++) await at.fetch('/mcp', { method: 'POST' });
    const lines = warn.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('PUBLIC_URL'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('PUBLIC_URL = \\"https://');
  });

  test('nothing warns on this computer, nor where it is set', async () => {
    for (const at of [gateWith({ SIGN_IN }), gateWith({ SIGN_IN, PUBLIC_URL }, PUBLIC_URL)]) {
      expect((await (await at.fetch('/health')).json<Health>()).warnings).toEqual([]);
    }
  });
});

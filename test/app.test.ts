import { describe, expect, test } from 'vitest';
import { Browser, gate, gateWith, textOf } from './fixtures/worker';

/** A deployment on a public host that nobody set up. */
const notSetUp = gateWith({ NAME: 'Acme' }, 'https://gate.example');
/** A deployment that lost its storage: everything that needs it fails. */
const broken = gateWith({ OAUTH_KV: undefined });

const form = (body: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body,
});

describe('an answer that a web page may read', () => {
  /** A page that may call everything here; one that may not is among the cases. */
  const origin = 'https://claude.ai';
  test.each<[string, number, string, RequestInit, typeof gate]>([
    ['metadata of the resource', 200, '/.well-known/oauth-protected-resource', {}, gate],
    ['metadata of the authorization server', 200, '/.well-known/oauth-authorization-server/mcp', {}, gate],
    ['metadata that nobody has', 404, '/.well-known/openid-configuration', {}, gate],
    ['a challenge', 401, '/mcp', { method: 'POST' }, gate],
    ['a challenge at the origin', 401, '/', { method: 'POST' }, gate],
    ['a server that is not there', 404, '/mcp/notes', { method: 'POST' }, gate],
    ['a refused origin', 403, '/mcp', { method: 'POST', headers: { origin: 'https://any.example' } }, gate],
    ['a refused token request', 401, '/oauth/token', form('grant_type=refresh_token'), gate],
    ['a refused registration', 400, '/oauth/register', { method: 'POST', body: 'x' }, gate],
    ['a wrong method', 405, '/oauth/token', {}, gate],
    ['an endpoint that is not there', 404, '/oauth/userinfo', {}, gate],
    ['a refused introspection', 401, '/oauth/introspect', form('token=x'), gate],
    ['health', 200, '/health', {}, gate],
    ['a gate that is not set up', 503, '/mcp', { method: 'POST' }, notSetUp],
    ['our own failure', 500, '/oauth/token', form('client_id=some-client'), broken],
  ])('has CORS headers: %s (%i)', async (_what, status, path, init, at) => {
    const headers = { origin, ...(init.headers as Record<string, string>) };
    const response = await at.fetch(path, { ...init, headers });
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
  });

  test.each([
    '/',
    '/mcp',
    '/mcp/notes',
    '/oauth/token',
    '/oauth/register',
    '/oauth/revoke',
    '/oauth/introspect',
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-authorization-server',
    '/health',
  ])('is preceded by a preflight that meets no gate at %s', async (path) => {
    const headers = {
      origin: 'https://any.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers':
        'authorization, content-type, mcp-protocol-version, mcp-method, mcp-name',
    };
    for (const at of [gate, notSetUp]) {
      const response = await at.fetch(path, { method: 'OPTIONS', headers });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-methods')).toContain('POST');
      const allowed = response.headers.get('access-control-allow-headers') ?? '';
      for (const name of [
        'authorization',
        'content-type',
        'mcp-protocol-version',
        'mcp-method',
        'mcp-name',
      ]) {
        expect(allowed.toLowerCase()).toContain(name);
      }
    }
  });

  test('is never one of the pages where a cookie means something', async () => {
    for (const path of ['/authorize', '/sign-in', '/sign-out']) {
      const response = await gate.fetch(path, { headers: { origin } });
      expect(response.headers.get('access-control-allow-origin'), path).toBeNull();
    }
  });
});

describe('a path that leads nowhere', () => {
  test('is a page for a person', async () => {
    const page = await new Browser().visit('/nowhere');
    expect(page.status).toBe(404);
    expect(page.html).toContain('Page not found');
  });

  test('is an error in JSON for a program', async () => {
    const response = await gate.fetch('/nowhere');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: 'not_found',
      error_description: 'There is nothing at this path',
    });
  });

  test.each([
    ['POST', '/mcp/', 401],
    ['POST', '/oauth/token/', 400],
    ['GET', '/.well-known/oauth-protected-resource/', 200],
    ['GET', '/health/', 200],
  ])('is not one just because of a slash at its end: %s %s', async (method, path, status) => {
    expect((await gate.fetch(path, { method })).status).toBe(status);
  });
});

describe('a failure of ours', () => {
  test('is a page with a request id, and says nothing of its cause', async () => {
    const page = await new Browser(broken).visit('/authorize?client_id=some-client');
    expect(page.status).toBe(500);
    const text = textOf(page.html);
    expect(text).toContain('Something went wrong on our end');
    expect(text).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}/);
    expect(text).not.toMatch(/TypeError|undefined|reading/);
  });

  test('is an OAuth error with a request id for a client', async () => {
    const response = await broken.fetch('/oauth/token', form('client_id=some-client'));
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      error: 'server_error',
      error_description: 'Something went wrong; try again',
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test('before the site could be read is an OAuth error as well', async () => {
    const response = await gateWith({ OAUTH_KV: undefined, GATEHOUSE_KEYS: undefined }).fetch('/mcp');
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: 'server_error', error_description: 'TypeError' });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('a gate that is not set up', () => {
  test('serves a page that names the setting', async () => {
    const page = await new Browser(notSetUp).visit('/');
    expect(page.status).toBe(503);
    expect(textOf(page.html)).toContain('SIGN_IN: no sign-in method is set that works on a public host');
  });

  test.each([
    ['POST', '/mcp'],
    ['POST', '/oauth/register'],
    ['GET', '/.well-known/oauth-authorization-server'],
    ['GET', '/authorize'],
  ])('serves no client: %s %s', async (method, path) => {
    const response = await notSetUp.fetch(path, { method });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'The gate is not set up; see /health',
    });
  });

  test('tells every problem on /health, and no secret', async () => {
    const at = gateWith(
      { DEFAULT_ROLE: 'boss', TOKENS: '{"access":0}', GATEHOUSE_KEYS: '{"ids":"c2VjcmV0"}' },
      'https://gate.example',
    );
    const response = await at.fetch('/health');
    expect(response.status).toBe(503);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const text = await response.text();
    const { status, problems } = JSON.parse(text) as { status: string; problems: { setting: string }[] };
    expect(status).toBe('misconfigured');
    expect(problems.map(({ setting }) => setting).sort()).toEqual([
      'DEFAULT_ROLE',
      'GATEHOUSE_KEYS',
      'SIGN_IN',
      'TOKENS.access',
    ]);
    for (const problem of problems) {
      expect(problem).toEqual({
        setting: expect.any(String),
        problem: expect.stringMatching(/./),
        fix: expect.stringMatching(/./),
      });
    }
    expect(text).not.toContain('c2VjcmV0');
  });

  test('goes on without a logo when only that is wrong', async () => {
    const at = gateWith({ LOGO: 'ftp://example.com/logo.svg' });
    expect((await at.fetch('/health')).status).toBe(503);
    expect((await at.fetch('/mcp', { method: 'POST' })).status).toBe(401);
    expect((await new Browser(at).visit('/')).status).toBe(200);
  });

  test('is a matter of the host: the same settings work on this computer', async () => {
    expect((await gateWith({ NAME: 'Acme' }).fetch('/health')).status).toBe(200);
  });
});

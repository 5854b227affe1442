import { beforeAll, describe, expect, test } from 'vitest';
import { connect, type Gate, gate, gateWith } from '../../fixtures/worker';

async function statusFor(origin: string, at: Gate = gate, path = '/mcp', headers = {}): Promise<number> {
  const response = await at.fetch(path, { method: 'POST', headers: { origin, ...headers } });
  if (response.status === 403) {
    expect(await response.json()).toEqual({
      error: 'access_denied',
      error_description: 'This origin may not call; see ORIGINS',
    });
  }
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  return response.status;
}

describe('a web page may call the endpoint', () => {
  test.each([
    ['our own', 'http://localhost:8787'],
    ['one on this computer', 'http://localhost:6274'],
    ['one on this computer by number', 'http://127.0.0.1:3000'],
    ['one on this computer, IPv6', 'http://[::1]:3000'],
    ['one on this computer with https', 'https://localhost:8443'],
    ['Claude', 'https://claude.ai'],
    ['Claude', 'https://claude.com'],
    ['ChatGPT', 'https://chatgpt.com'],
    ['Cursor', 'https://www.cursor.com'],
    ['Cursor', 'https://cursor.com'],
    ['VS Code', 'https://vscode.dev'],
    ['VS Code Insiders', 'https://insiders.vscode.dev'],
  ])('when it is %s: %s', async (_who, origin) => {
    for (const path of ['/mcp', '/']) expect(await statusFor(origin, gate, path)).toBe(401);
  });

  test('and its token then works', async () => {
    const { access_token } = (await connect()).tokens;
    const authorization = `Bearer ${access_token}`;
    expect(await statusFor('https://claude.ai', gate, '/mcp', { authorization })).not.toBe(401);
  });
});

describe('a web page is refused before anybody looks at its token', () => {
  let access_token: string;
  beforeAll(async () => {
    ({ access_token } = (await connect()).tokens);
  });

  test.each([
    'https://evil.example',
    'https://claude.ai.evil.example',
    'https://evil-claude.ai',
    'https://notclaude.ai',
    'https://claude.ai:8443',
    'http://claude.ai',
    'https://CLAUDE.ai.',
    'https://claude.ai@evil.example',
    'https://evil.example/https://claude.ai',
    'https://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://10.0.0.1',
    'http://192.168.0.10:3000',
    'chrome-extension://abcdefghijklmnop',
    'file://localhost',
    'null',
    'nonsense',
    'https://claude.ai, https://evil.example',
    '<script>alert(1)</script>',
  ])('%s', async (origin) => {
    for (const path of ['/mcp', '/']) {
      expect(await statusFor(origin, gate, path)).toBe(403);
      expect(await statusFor(origin, gate, path, { authorization: `Bearer ${access_token}` })).toBe(403);
    }
  });

  test('by GET and DELETE too', async () => {
    for (const method of ['GET', 'DELETE']) {
      const response = await gate.fetch('/mcp', { method, headers: { origin: 'https://evil.example' } });
      expect(response.status).toBe(403);
    }
  });
});

describe('with ORIGINS', () => {
  const at = gateWith({ ORIGINS: '["https://app.acme.example"]' });

  test.each([
    ['one that it names', 'https://app.acme.example', 401],
    ['our own', 'http://localhost:8787', 401],
    ['a vendor that it does not name', 'https://claude.ai', 403],
    ['one on this computer that it does not name', 'http://localhost:6274', 403],
    ['one below the one it names', 'https://x.app.acme.example', 403],
    ['one that has it for a prefix', 'https://app.acme.example.evil.example', 403],
  ])('a page may call as that says: %s', async (_who, origin, status) => {
    expect(await statusFor(origin, at)).toBe(status);
  });
});

test("with PUBLIC_URL, our own origin is that one and not the proxy's inner name", async () => {
  const SIGN_IN = JSON.stringify({ oidc: [{ name: 'acme', issuer: 'https://id.example', client_id: 'x' }] });
  const HOSTS = ['inner.internal:8080'];
  const at = gateWith({ PUBLIC_URL: 'https://gate.example', HOSTS, SIGN_IN }, 'http://inner.internal:8080');
  expect(await statusFor('https://gate.example', at)).toBe(401);
  expect(await statusFor('http://inner.internal:8080', at)).toBe(403);
});

test('a program that is no web page sends no Origin and is not asked for one', async () => {
  expect((await gate.fetch('/mcp', { method: 'POST' })).status).toBe(401);
});

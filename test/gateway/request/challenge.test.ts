import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { connect, gate, gateWith } from '../../fixtures/worker';

const proxied = gateWith({ PUBLIC_URL: 'http://127.0.0.1:9000' });

/** What a request with this `Authorization` gets at `/mcp`. */
async function ask(authorization: string | undefined, path = '/mcp', at = gate) {
  const headers = { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) };
  const response = await at.fetch(path, { method: 'POST', headers, body: '{}' });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, header: response.headers.get('www-authenticate'), body, response };
}

describe('without a credential', () => {
  test.each([
    ['/mcp', gate, 'http://localhost:8787/.well-known/oauth-protected-resource/mcp'],
    ['/', gate, 'http://localhost:8787/.well-known/oauth-protected-resource'],
    ['/mcp', proxied, 'http://127.0.0.1:9000/.well-known/oauth-protected-resource/mcp'],
    ['/', proxied, 'http://127.0.0.1:9000/.well-known/oauth-protected-resource'],
  ])('%s says where to sign in, and for what', async (path, at, metadata) => {
    const { status, header, response } = await ask(undefined, path, at);
    expect(status).toBe(401);
    expect(header).toBe(`Bearer resource_metadata="${metadata}", scope="mcp:read mcp:write"`);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('the body is one that a person understands', async () => {
    const { body } = await ask(undefined);
    expect(body).toEqual({
      error: 'unauthorized',
      error_description: 'Sign in to use this server',
      message:
        'This is an MCP server that people sign in to. Connect your AI app to http://localhost:8787/mcp; ' +
        'http://localhost:8787/ shows how',
      sign_in: 'http://localhost:8787/',
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test('no method gets further', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['/', '/mcp']) {
        expect((await gate.fetch(path, { method })).status, `${method} ${path}`).toBe(401);
      }
    }
  });
});

describe('a credential that is not good', () => {
  const INVALID =
    'Bearer error="invalid_token", error_description="The access token is not valid here, or no longer", ' +
    'resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource/mcp", ' +
    'scope="mcp:read mcp:write"';
  const forged = `${'A'.repeat(32)}:${'B'.repeat(16)}:${'C'.repeat(32)}`;

  test.each([
    ['no token', 'Bearer'],
    ['only spaces', 'Bearer   '],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no scheme', forged],
    ['two tokens', `Bearer ${forged} ${forged}`],
    ['a list', `Bearer ${forged}, Bearer ${forged}`],
    ['a token of somebody else', 'Bearer eyJhbGciOiJub25lIn0.e30.'],
    ['a made-up token in our form', `Bearer ${forged}`],
    ['a long token', `Bearer ${'x'.repeat(8000)}`],
    ['markup', 'Bearer <script>alert(1)</script>'],
    ['a quote that would end the header', 'Bearer x", scope="everything'],
  ])('gets the same generic answer: %s', async (_what, authorization) => {
    const { status, header, body } = await ask(authorization);
    expect(status).toBe(401);
    expect(header).toBe(INVALID);
    expect(body.error).toBe('invalid_token');
    expect(JSON.stringify(body)).not.toMatch(/<script|everything|AAAA/);
  });

  test('wakes no object', async () => {
    const { tokens } = await connect();
    const before = (await listDurableObjectIds(env.ACCOUNT)).length;
    const [user = '', grant = '', secret = ''] = tokens.access_token.split(':');
    const other = user.endsWith('A') ? 'B' : 'A';
    for (const token of [forged, `${user.slice(0, -1)}${other}:${grant}:${secret}`]) {
      expect((await ask(`Bearer ${token}`)).status).toBe(401);
    }
    expect(await listDurableObjectIds(env.ACCOUNT)).toHaveLength(before);
  });

  test('is a token with one character changed, a refresh token, a code', async () => {
    const { tokens, code } = await connect();
    const changed = tokens.access_token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (const token of [changed, tokens.refresh_token, code, `${tokens.access_token}x`]) {
      expect((await ask(`Bearer ${token}`)).header).toBe(INVALID);
    }
  });

  test('is not a good one in the wrong place: query, form, cookie', async () => {
    const { access_token } = (await connect()).tokens;
    const query = await gate.fetch(`/mcp?access_token=${access_token}`, { method: 'POST' });
    expect(query.status).toBe(401);
    const form = await gate.fetch('/mcp', { method: 'POST', body: new URLSearchParams({ access_token }) });
    expect(form.status).toBe(401);
    const cookie = await gate.fetch('/mcp', { method: 'POST', headers: { cookie: `token=${access_token}` } });
    expect(cookie.status).toBe(401);
  });
});

test('a browser sign-in opens no MCP endpoint', async () => {
  const { browser } = await connect();
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  expect(cookie).toContain('gatehouse-sign-in=');
  expect((await gate.fetch('/mcp', { method: 'POST', headers: { cookie } })).status).toBe(401);
});

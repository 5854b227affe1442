import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, startGate } from './harness/gate';
import { plainGate, unsetGate } from './harness/shared';

interface Health {
  status: string;
  problems: { setting: string; problem: string; fix: string }[];
}

const HTML = { accept: 'text/html' };

async function health(gate: Gate): Promise<{ status: number; body: Health; text: string }> {
  const response = await fetch(`${gate.origin}/health`);
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) as Health, text };
}

/** The status of a request whose `Host` is another, which `fetch` doesn't send. */
function statusAt(
  gate: Gate,
  path: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${gate.origin}${path}`, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

describe('wrong settings, given as JSON text', () => {
  let gate: Gate;
  beforeAll(async () => {
    gate = await startGate({
      vars: {
        PUBLIC_URL: 'mcp.example.com',
        TOKENS: { access: 0, refresh: 'long' },
        ROLES: '[{"role": "king", "provider": "acme"',
        DEFAULT_ROLE: 'boss',
        SIGN_IN: {
          methods: ['oidc'],
          oidc: [{ name: 'Acme Inc', issuer: 'http://idp.example', client_id: 'x' }],
        },
        CLIENTS: [
          {
            client_id: 'ci',
            name: 'CI',
            redirect_uris: ['https://ci.example/cb'],
            token_endpoint_auth_method: 'client_secret_basic',
          },
        ],
        SERVERS: [{ name: 'notes', url: 'ftp://notes.example', auth: 'magic', colour: 'red' }],
        ORIGINS: ['https://app.example/path'],
        CLIENT_DOCUMENT_HOSTS: ['documents.example'],
        GATEHOUSE_SECRET_THING: 'hunter2hunter2',
      },
    });
  });
  afterAll(() => gate?.stop());

  test.each([
    ['PUBLIC_URL', 'mcp.example.com', 'PUBLIC_URL = "https://mcp.example.com"'],
    ['TOKENS.access', '0', 'at least 1'],
    ['TOKENS.refresh', 'long', 'at least 1'],
    ['ROLES', 'isn’t valid JSON', 'role = "member"'],
    ['DEFAULT_ROLE', 'boss', 'DEFAULT_ROLE = "member"'],
    ['SIGN_IN.oidc[0].name', 'Acme Inc', 'oidc = ['],
    ['SIGN_IN.oidc[0].issuer', 'http://idp.example', 'oidc = ['],
    ['CLIENT_CI_SECRET', '"ci"', 'wrangler secret put CLIENT_CI_SECRET'],
    ['SERVERS[0].url', 'ftp://notes.example', 'url = "https://'],
    ['SERVERS[0].auth', 'magic', 'auth = '],
    ['ORIGINS[0]', 'https://app.example/path', 'https://app.example.com'],
    ['CLIENT_DOCUMENT_HOSTS[0]', 'documents.example', 'localhost:8443'],
  ])('/health names %s, what is there and what to write', async (setting, value, fix) => {
    const { status, body } = await health(gate);
    expect(status).toBe(503);
    expect(body.status).toBe('misconfigured');
    const found = body.problems.find((problem) => problem.setting === setting);
    expect(found, `among ${body.problems.map((problem) => problem.setting).join(', ')}`).toBeDefined();
    expect(found?.problem).toContain(value);
    expect(found?.fix).toContain(fix);
  });

  test('a key that no setting has is named too', async () => {
    const { body } = await health(gate);
    expect(JSON.stringify(body.problems)).toContain('colour');
  });

  test('the page names each setting and says where the fixes are', async () => {
    const response = await fetch(gate.origin, { headers: HTML });
    const page = await response.text();
    expect(response.status).toBe(503);
    for (const setting of ['PUBLIC_URL', 'TOKENS', 'ROLES', 'SERVERS[0].auth', '/health']) {
      expect(page).toContain(setting);
    }
  });

  test('the log says it once, with every setting', async () => {
    await health(gate);
    const told = gate
      .log()
      .split('\n')
      .filter((line) => line.includes('"event":"settings"'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('DEFAULT_ROLE');
  });
});

describe('a public host without a way to sign in', () => {
  let gate: Gate;
  beforeAll(async () => {
    gate = await unsetGate();
  });

  test('/health says that SIGN_IN is missing and what it looks like', async () => {
    const { status, body } = await health(gate);
    expect(status).toBe(503);
    expect(body.problems).toEqual([
      {
        setting: 'SIGN_IN',
        problem: expect.stringContaining('no sign-in method'),
        fix: expect.stringContaining('oidc'),
      },
    ]);
  });

  test.each([
    ['GET', '/'],
    ['POST', '/'],
    ['POST', '/mcp'],
    ['GET', '/.well-known/oauth-authorization-server'],
    ['GET', '/.well-known/oauth-protected-resource/mcp'],
    ['POST', '/oauth/register'],
    ['POST', '/oauth/token'],
    ['GET', '/authorize?client_id=x'],
    ['GET', '/sign-in'],
    ['POST', '/sign-in?flow=x'],
    ['GET', '/nowhere'],
  ])('serves nothing else: %s %s is 503, for people and for programs', async (method, path) => {
    const person = await fetch(`${gate.origin}${path}`, { method, headers: HTML, redirect: 'manual' });
    expect(person.status).toBe(503);
    expect(await person.text()).toContain('isn’t set up yet');
    const program = await fetch(`${gate.origin}${path}`, { method, redirect: 'manual' });
    expect(program.status).toBe(503);
    expect(await program.json()).toMatchObject({ error: 'temporarily_unavailable' });
  });

  test('is no other host’s: it is refused before anything else', async () => {
    for (const path of ['/mcp', '/health', '/sign-in', '/.well-known/oauth-authorization-server']) {
      expect(await statusAt(gate, path, { host: 'evil.example' })).toBe(421);
      expect(await statusAt(gate, path, { host: 'evil.example', origin: 'http://evil.example' })).toBe(403);
      expect(await statusAt(gate, path, { host: 'gate.example' })).toBe(503);
    }
  });

  test('a forwarding header on loopback makes it a public host too', async () => {
    const local = await plainGate();
    const forwarded = { ...HTML, 'x-forwarded-for': '203.0.113.9' };
    expect((await fetch(local.origin, { headers: HTML })).status).toBe(200);
    expect((await fetch(local.origin, { headers: forwarded })).status).toBe(503);
    expect((await fetch(local.origin, { headers: HTML })).status).toBe(200);
    // `wrangler dev` names the peer itself, and believes the caller who names another.
    expect(
      (await fetch(local.origin, { headers: { ...HTML, 'cf-connecting-ip': '203.0.113.9' } })).status,
    ).toBe(503);
    // A page that renamed this computer for itself.
    const rebound = { host: 'evil.example', origin: 'http://evil.example' };
    for (const path of ['/', '/mcp']) expect(await statusAt(local, path, rebound, 'POST')).toBe(403);
  });
});

describe('mistakes that cost only their own effect', () => {
  test('a logo that can’t be one is reported on /health, and people can still sign in', async () => {
    const gate = await startGate({ vars: { LOGO: 'javascript:alert(1)', NAME: 'Acme' } });
    const { status, body } = await health(gate);
    expect([status, body.problems.map(({ setting }) => setting)]).toEqual([503, ['LOGO']]);
    const page = await fetch(gate.origin, { headers: HTML });
    expect([page.status, (await page.text()).includes('javascript:')]).toEqual([200, false]);
    await gate.stop();
  });
});

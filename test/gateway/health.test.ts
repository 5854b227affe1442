import { afterEach, describe, expect, it, vi } from 'vitest';
import { gate, gateWith, textOf } from '../fixtures/worker';

interface Health {
  status: string;
  problems: { setting: string; problem: string; fix: string }[];
  request_id: string;
}

afterEach(() => {
  vi.restoreAllMocks();
});

async function health(at = gate): Promise<{ status: number; body: Health; headers: Headers }> {
  const response = await at.fetch('/health');
  return { status: response.status, body: (await response.json()) as Health, headers: response.headers };
}

const PUBLIC = 'https://mcp.example.com';

describe('/health', () => {
  it('is 200 when the settings are usable, and is never cached', async () => {
    const { status, body, headers } = await health();
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'ok', problems: [] });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });

  it('is 503 on a public host without keys or a way to sign in, and names both with what to do', async () => {
    const { status, body } = await health(gateWith({ GATEHOUSE_KEYS: undefined }, PUBLIC));
    expect(status).toBe(503);
    expect(body.status).not.toBe('ok');
    expect(body.problems.map(({ setting }) => setting).sort()).toEqual(['GATEHOUSE_KEYS', 'SIGN_IN']);
    for (const { fix } of body.problems) expect(fix).toMatch(/npm run deploy|oidc/);
  });

  it('is 503 with every mistake of the settings, cosmetic ones included', async () => {
    const { status, body } = await health(gateWith({ TOKENS: { code: 0 }, LOGO: 'logo.svg' }));
    expect(status).toBe(503);
    expect(body.problems.map(({ setting }) => setting).sort()).toEqual(['LOGO', 'TOKENS.code']);
  });

  it('holds no secret', async () => {
    const secrets = { CLIENT_BACKEND_SECRET: 'hunter2', GATEHOUSE_KEYS: '{"v":"hunter2"}' };
    const { body } = await health(gateWith({ ...secrets, CLIENTS: [{ client_secret: 'hunter2' }] }));
    expect(body.problems.length).toBeGreaterThan(1);
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });
});

describe('a gate that is not set up', () => {
  const unset = () => gateWith({}, PUBLIC);
  const misconfigured = () => gateWith({ TOKENS: { code: 0 } });

  it('serves clients nothing: 503 at every endpoint', async () => {
    const at = misconfigured();
    for (const [method, path] of [
      ['GET', '/.well-known/oauth-authorization-server'],
      ['GET', '/.well-known/oauth-protected-resource/mcp'],
      ['POST', '/oauth/register'],
      ['POST', '/oauth/token'],
      ['POST', '/mcp'],
      ['GET', '/authorize?client_id=x'],
    ] as const) {
      const response = await at.fetch(path, { method });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' });
    }
  });

  it('shows a person which setting is missing, on a page', async () => {
    const response = await gateWith({ GATEHOUSE_KEYS: undefined }, PUBLIC).fetch('/', {
      headers: { accept: 'text/html' },
    });
    expect(response.status).toBe(503);
    const page = textOf(await response.text());
    expect(page).toContain('SIGN_IN');
    expect(page).toContain('GATEHOUSE_KEYS');
  });

  it('tells its log once, not with every request', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const at = misconfigured();
    for (let request = 0; request < 5; request++) await at.fetch('/health');
    const told = error.mock.calls
      .map(([line]) => String(line))
      .filter((line) => line.includes('TOKENS.code'));
    expect(told).toHaveLength(1);
  });

  it('that has a wrong logo only goes on without it', async () => {
    const at = gateWith({ LOGO: 'logo.svg' });
    expect((await at.fetch('/.well-known/oauth-authorization-server')).status).toBe(200);
    expect((await at.fetch('/', { headers: { accept: 'text/html' } })).status).toBe(200);
  });

  it('offers nobody on a public host to sign in with a name', async () => {
    const response = await unset().fetch('/sign-in', { headers: { accept: 'text/html' } });
    expect(response.status).toBe(503);
  });
});

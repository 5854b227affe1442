import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCAL_KEYS_RECORD, readDeployment } from '../../src/config/deployment';
import {
  authorize,
  Browser,
  callMcp,
  connect,
  formWith,
  gateWith,
  redeem,
  tokensOf,
} from '../fixtures/worker';

const acme = { name: 'acme', issuer: 'https://login.acme.com', client_id: 'gate' };

/** The site that a request meets, with these variables over those of the test. */
async function siteAt(url: string, variables: object = {}, headers: Record<string, string> = {}) {
  const read = await readDeployment(new Request(url, { headers }), { ...env, ...variables }, 'request-1');
  return { ...read, settings: read.problems.map(({ setting }) => setting) };
}

describe('local development', () => {
  it.each(['http://localhost:8787/', 'http://127.0.0.1/mcp', 'http://[::1]:1234/', 'https://localhost/'])(
    'is what comes to %s: any name signs in, with no setting at all',
    async (url) => {
      const { deployment, problems } = await siteAt(url);
      expect(problems).toEqual([]);
      expect(deployment).toMatchObject({ local: true, methods: ['local'], origin: new URL(url).origin });
    },
  );

  it.each(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via'])(
    'is nothing that came through a proxy, which says so in %s',
    async (name) => {
      const { deployment, settings } = await siteAt('http://localhost:8787/', {}, { [name]: 'anything' });
      expect(deployment).toMatchObject({ local: false, methods: [] });
      expect(settings).toEqual(['SIGN_IN']);
    },
  );

  it.each([
    'https://mcp.example.com/',
    'http://10.0.0.1/',
    'http://localhost.evil.example/',
    'http://0.0.0.0/',
  ])('is not %s', async (url) => {
    const { deployment, settings } = await siteAt(url);
    expect(deployment).toMatchObject({ local: false, methods: [] });
    expect(settings).toEqual(['SIGN_IN']);
  });

  it('is nothing behind a PUBLIC_URL that is public, even when its tunnel ends on loopback', async () => {
    const { deployment, settings } = await siteAt('http://localhost:8787/', {
      PUBLIC_URL: 'https://mcp.example.com',
    });
    expect(deployment).toMatchObject({ local: false, methods: [], origin: 'https://mcp.example.com' });
    expect(settings).toEqual(['SIGN_IN']);
  });

  it("isn't brought about by a PUBLIC_URL on loopback", async () => {
    const { deployment } = await siteAt('https://mcp.example.com/', { PUBLIC_URL: 'http://localhost:8787' });
    expect(deployment.local).toBe(false);
  });

  it('offers what is named, and a name without proof there only', async () => {
    const SIGN_IN = { methods: ['oidc', 'local'], oidc: [acme] };
    expect((await siteAt('http://localhost/', { SIGN_IN })).deployment.methods).toEqual(['oidc', 'local']);
    expect((await siteAt('https://mcp.example.com/', { SIGN_IN })).deployment.methods).toEqual(['oidc']);
    const onlyOidc = { SIGN_IN: { oidc: [acme] } };
    expect((await siteAt('http://localhost/', onlyOidc)).deployment.methods).toEqual(['oidc']);
  });
});

describe('a public host', () => {
  const SIGN_IN = { oidc: [acme] };

  it('with keys and sign-in has no problem', async () => {
    const { deployment, problems } = await siteAt('https://mcp.example.com/', { SIGN_IN });
    expect(problems).toEqual([]);
    expect(deployment).toMatchObject({
      local: false,
      secure: true,
      cookiePrefix: '__Host-',
      methods: ['oidc'],
    });
  });

  it('that names local alone has no sign-in method', async () => {
    const { settings } = await siteAt('https://mcp.example.com/', { SIGN_IN: { methods: ['local'] } });
    expect(settings).toEqual(['SIGN_IN']);
  });

  it('without keys says so, and uses none that somebody else could know', async () => {
    const without = { SIGN_IN, GATEHOUSE_KEYS: undefined };
    const [one, two] = [
      await siteAt('https://mcp.example.com/', without),
      await siteAt('https://mcp.example.com/', without),
    ];
    expect(one.settings).toEqual(['GATEHOUSE_KEYS']);
    expect(one.deployment.keyring.ids).not.toEqual(two.deployment.keyring.ids);
    expect(await env.OAUTH_KV.get(LOCAL_KEYS_RECORD)).toBeNull();
  });

  it.each([
    ['nonsense', 'isn’t valid JSON'],
    ['{"v":"short"}', '"v" isn’t base64'],
  ])('with the keys %s says what is wrong, without them', async (GATEHOUSE_KEYS, reason) => {
    const { problems } = await siteAt('https://mcp.example.com/', { SIGN_IN, GATEHOUSE_KEYS });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      setting: 'GATEHOUSE_KEYS',
      problem: expect.stringContaining(reason),
    });
    expect(JSON.stringify(problems)).not.toMatch(/nonsense|short/);
  });

  it('over http has no prefix on its cookies, since browsers would drop them', async () => {
    expect((await siteAt('http://localhost:8787/')).deployment).toMatchObject({
      secure: false,
      cookiePrefix: '',
    });
  });
});

describe('a bare `wrangler dev`', () => {
  const bare = () => gateWith({ GATEHOUSE_KEYS: undefined });

  beforeEach(() => env.OAUTH_KV.delete(LOCAL_KEYS_RECORD));
  afterEach(() => env.OAUTH_KV.delete(LOCAL_KEYS_RECORD));

  it('makes one key of its own, in one named record, however many ask at first', async () => {
    const gate = bare();
    const answers = await Promise.all(Array.from({ length: 20 }, () => gate.fetch('/health')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const { keys } = await env.OAUTH_KV.list();
    expect(keys.filter(({ name }) => name.includes('keys')).map(({ name }) => name)).toEqual([
      LOCAL_KEYS_RECORD,
    ]);
  });

  it('serves, and goes on after a restart with the same key', async () => {
    const authorized = await authorize({ gate: bare(), user: { name: 'Bare' } });
    const restarted = bare();
    const tokens = tokensOf(await redeem({ ...authorized, gate: restarted }));
    expect((await callMcp(tokens.access_token, { gate: restarted })).status).toBe(200);
  });

  it('shares nothing with a deployment that has keys', async () => {
    const { tokens } = await connect({ gate: bare(), user: { name: 'Bare' } });
    expect((await callMcp(tokens.access_token)).status).toBe(401);
  });
});

describe('PUBLIC_URL', () => {
  const proxied = gateWith({ PUBLIC_URL: 'http://localhost:9999' });

  it('is what clients see, whatever host a request came to', async () => {
    const response = await proxied.fetch('/.well-known/oauth-authorization-server');
    const metadata = (await response.json()) as Record<string, string>;
    expect(metadata.issuer).toBe('http://localhost:9999');
    expect(metadata.token_endpoint).toBe('http://localhost:9999/oauth/token');
    const challenge = await proxied.fetch('/mcp', { method: 'POST' });
    expect(challenge.headers.get('www-authenticate')).toContain('resource_metadata="http://localhost:9999/');
  });

  it('is where forms must come from', async () => {
    const browser = new Browser(proxied);
    const page = await browser.visit((await browser.visit('/sign-in')).location ?? '');
    const form = formWith(page, 'method');
    const body = new URLSearchParams({ ...form.hidden, method: 'local', name: 'Ada' });
    const post = (origin: string) =>
      browser.visit(form.action, { method: 'POST', body, headers: { origin } });
    expect((await post('http://localhost:8787')).status).toBe(403);
    expect((await post('http://localhost:9999')).status).toBe(303);
  });
});

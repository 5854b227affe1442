import { describe, expect, test } from 'vitest';
import {
  Browser,
  callMcp,
  connect,
  formWith,
  type Gate,
  gate,
  gateWith,
  locationOf,
  type Page,
  textOf,
} from '../fixtures/worker';

const OIDC = [{ name: 'acme', title: 'Acme', issuer: 'https://id.acme.example', client_id: 'gate' }];

/** Opens the sign-in page and sends its local form. */
async function signIn(fields: Record<string, string>, browser = new Browser()): Promise<Page> {
  const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
  return browser.submit(formWith(page, 'method'), { method: 'local', ...fields });
}

async function whoami(user: { name: string; email?: string; groups?: string }, at: Gate = gate) {
  const { tokens } = await connect({ gate: at, user });
  const { body } = await callMcp(tokens.access_token, { gate: at });
  return (body.result as { structuredContent: { user: object; role: string } }).structuredContent;
}

describe('a name', () => {
  test.each([
    ['none', ''],
    ['spaces', '   '],
    ['control characters', '\0\n\t\u0085'],
    ['101 characters', 'x'.repeat(101)],
    ['60 kB', 'x'.repeat(60_000)],
  ])('is asked for again: %s', async (_what, name) => {
    const page = await signIn({ name, email: 'ada@acme.example' });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('Enter a name of up to 100 characters.');
    expect(page.html).toContain('value="ada@acme.example"');
    expect(page.headers.get('set-cookie')).toBeNull();
  });

  test.each([
    ['100 characters', 'x'.repeat(100), 'x'.repeat(100)],
    ['spaces around it', '  Ada  ', 'Ada'],
    ['control characters in it', 'A\0d\na', 'A d a'],
    ['markup', '<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['other scripts and emoji', 'Ада 🦊 שלום', 'Ада 🦊 שלום'],
    ['a lone surrogate, as a form sends it', 'A\uD800', 'A\uFFFD'],
  ])('is taken: %s', async (_what, name, kept) => {
    expect((await whoami({ name })).user).toMatchObject({ name: kept });
  });

  test('with markup is shown as text, on every page that names it', async () => {
    const name = '<script>alert(1)</script><img src=x onerror=alert(2)>';
    const browser = new Browser();
    await signIn({ name }, browser);
    for (const path of ['/sign-in', '/sign-out']) {
      const page = await browser.visit(path);
      expect(page.status).toBe(200);
      expect(page.html).toContain('&lt;script&gt;');
      expect(page.html).not.toMatch(/<script|<img src=x/);
    }
    const rejected = await signIn({ name: '', email: '"><script>alert(1)</script>' });
    expect(rejected.html).not.toContain('<script');
  });
});

describe('address and groups', () => {
  test('an address counts as verified, none doesn’t', async () => {
    const email = 'ada@acme.example';
    expect((await whoami({ name: 'Ada', email })).user).toMatchObject({ email, email_verified: true });
    expect((await whoami({ name: 'Bob', email: ' ' })).user).toMatchObject({
      email_verified: false,
    });
  });

  test.each([
    ['none', '', 'viewer'],
    ['one', 'staff', 'member'],
    ['several with spaces', ' guests , leads ,', 'owner'],
    ['another', 'staffing', 'viewer'],
    ['two in one', 'staff leads', 'viewer'],
  ])('groups are separated by commas and give roles: %s', async (_what, groups, role) => {
    const at = gateWith({
      DEFAULT_ROLE: 'viewer',
      ROLES: JSON.stringify([
        { role: 'member', provider: 'local', groups: ['staff'] },
        { role: 'owner', provider: 'local', groups: ['leads'] },
      ]),
    });
    expect((await whoami({ name: 'Ada', groups }, at)).role).toBe(role);
  });

  test('addresses give roles too', async () => {
    const at = gateWith({
      DEFAULT_ROLE: 'viewer',
      ROLES: JSON.stringify([{ role: 'admin', provider: 'local', emails: ['*@acme.example'] }]),
    });
    expect((await whoami({ name: 'Ada', email: 'ada@acme.example' }, at)).role).toBe('admin');
    expect((await whoami({ name: 'Eve', email: 'eve@acme.example.evil.example' }, at)).role).toBe('viewer');
  });
});

describe('any name gets in on this computer only', () => {
  const both = { SIGN_IN: JSON.stringify({ methods: ['oidc', 'local'], oidc: OIDC }) };

  test.each([
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-server',
    'via',
    'x-real-ip',
    'true-client-ip',
    'x-original-host',
    'cdn-loop',
    'cf-connecting-ip',
    'cf-ray',
    'cf-visitor',
  ])('and not through a proxy: %s', async (header) => {
    const browser = new Browser(gateWith(both));
    const url = locationOf(await browser.visit('/sign-in'));
    const headers = { [header]: 'for=203.0.113.7' };
    const page = await browser.visit(url, { headers });
    expect(page.status).toBe(200);
    expect(page.html).not.toContain('value="local"');
    const { csrf = '' } = formWith(page, 'method').hidden;
    const body = new URLSearchParams({ csrf, method: 'local', name: 'Eve' });
    const posted = await browser.visit(url, { method: 'POST', body, headers });
    expect([posted.status, posted.location]).toEqual([400, undefined]);
    expect(textOf(posted.html)).toContain('You can’t sign in that way here');
    expect(posted.headers.get('set-cookie')).toBeNull();
  });

  test('and not at a public host, nor under a public name', async () => {
    for (const at of [
      gateWith(both, 'https://gate.example'),
      gateWith({ ...both, PUBLIC_URL: 'https://gate.example' }),
      gateWith(
        { ...both, PUBLIC_URL: 'http://localhost:8787', HOSTS: ['gate.example'] },
        'https://gate.example',
      ),
    ]) {
      const browser = new Browser(at);
      const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
      expect(page.html).not.toContain('value="local"');
      expect(page.html).toContain('Continue with');
    }
  });

  test.each([
    '203.0.113.7',
    '10.0.0.5',
    'fe80::1',
    '127.0.0.1, 203.0.113.7',
    '127.0.0.1.evil.example',
    '0',
    '',
  ])('and not for a peer that is another: %s', async (peer) => {
    const headers = { 'cf-connecting-ip': peer };
    expect((await new Browser().visit('/sign-in', { headers })).status).toBe(503);
  });

  test.each(['127.0.0.1', '127.8.0.1', '::1', '::ffff:127.0.0.1'])(
    'and `wrangler dev`, which names the peer, is no proxy: %s',
    async (peer) => {
      const browser = new Browser();
      const headers = { 'cf-connecting-ip': peer };
      const page = await browser.visit(locationOf(await browser.visit('/sign-in', { headers })), { headers });
      expect(page.html).toContain('value="local"');
    },
  );

  test('and where nothing else is set, a proxy in between means that nothing is served', async () => {
    const page = await new Browser().visit('/sign-in', { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(page.status).toBe(503);
  });

  test('and not where the settings name other methods', async () => {
    const browser = new Browser(gateWith({ SIGN_IN: JSON.stringify({ oidc: OIDC }) }));
    const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
    const refused = await browser.submit(formWith(page, 'method'), { method: 'local', name: 'Eve' });
    expect([refused.status, refused.location]).toEqual([400, undefined]);
  });
});

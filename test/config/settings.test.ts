import { describe, expect, it } from 'vitest';
import { readSecret, secretName } from '../../src/config/checks';
import type { Settings } from '../../src/config/schemas';
import { parseSettings } from '../../src/config/settings';
import { isLoopbackHost } from '../../src/hosts';

const acme = { name: 'acme', issuer: 'https://login.acme.com', client_id: 'gate' };
const backend = { client_id: 'backend', name: 'Backend', redirect_uris: ['https://b.example/cb'] };

/** A right value of each setting, and where it ends up. */
const RIGHT: [string, unknown, (settings: Settings) => unknown][] = [
  ['PUBLIC_URL', 'https://mcp.example.com', (s) => s.publicUrl],
  ['NAME', 'Acme', (s) => s.name],
  ['LOGO', 'https://example.com/logo.svg', (s) => s.logo],
  ['LOGO', 'data:image/svg+xml,x', (s) => s.logo],
  ['POLICY_URL', 'https://example.com/privacy', (s) => s.policyUrl],
  ['TERMS_URL', 'https://example.com/terms', (s) => s.termsUrl],
  ['SUPPORT_URL', 'http://localhost:3000/help', (s) => s.supportUrl],
  ['DEFAULT_ROLE', 'member', (s) => s.defaultRole],
  ['SIGN_IN', { oidc: [acme], methods: ['oidc', 'local'] }, (s) => s.signIn],
  ['SIGN_IN', { oidc: [], methods: ['key', 'skip'] }, (s) => s.signIn],
  ['ROLES', [{ role: 'member', methods: ['skip'] }], (s) => s.roles],
  ['ROLES', [{ role: 'admin', provider: 'local', groups: ['staff'] }], (s) => s.roles],
  ['CLIENTS', [backend], (s) => s.clients],
  ['AUDIT', { mode: 'strict', retention: 30, ip_addresses: true }, (s) => s.audit],
  ['TOKENS', { access: 60, on_replay: 'refuse' }, (s) => s.tokens],
  ['SERVERS', [{ name: 'notes', url: 'https://n.example/mcp', auth: 'none' }], (s) => s.servers],
  ['ORIGINS', ['https://app.example.com'], (s) => s.origins],
  ['CLIENT_DOCUMENT_HOSTS', ['localhost:8443'], (s) => s.clientDocumentHosts],
];

describe('a setting that is right', () => {
  it.each(RIGHT)('%s is read as it stands', (setting, value, read) => {
    const { settings, problems } = parseSettings({ [setting]: value });
    expect(problems).toEqual([]);
    if (Array.isArray(value)) expect(read(settings)).toMatchObject(value);
    else if (typeof value === 'object') expect(read(settings)).toMatchObject(value as object);
    else expect(read(settings)).toBe(value);
  });

  it.each(RIGHT)('%s as JSON text is read the same', (setting, value, read) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const { settings, problems } = parseSettings({ [setting]: text });
    expect(problems).toEqual([]);
    expect(read(settings)).toEqual(read(parseSettings({ [setting]: value }).settings));
  });

  it.each(RIGHT)('%s that is unset, null or empty is its default', (setting, _, read) => {
    const unset = read(parseSettings({}).settings);
    for (const nothing of [undefined, null, '']) {
      const { settings, problems } = parseSettings({ [setting]: nothing });
      expect(problems).toEqual([]);
      expect(read(settings)).toEqual(unset);
    }
  });
});

describe('the defaults', () => {
  it('are those of the documentation', () => {
    const { settings } = parseSettings({});
    expect(settings.tokens).toEqual({
      access: 1800,
      refresh: 2_592_000,
      grant: 31_536_000,
      code: 300,
      request: 300,
      flow: 900,
      grace: 120,
      sign_in: 43_200,
      session: 86_400,
      on_replay: 'revoke',
    });
    expect(settings).toMatchObject({ name: 'Gatehouse', roles: [], clients: [], servers: [] });
    expect(settings.signIn).toEqual({ methods: undefined, oidc: [] });
    expect(settings.origins).toBeUndefined();
  });

  it('of a provider and a client are filled in', () => {
    const { settings } = parseSettings({ SIGN_IN: { oidc: [acme] }, CLIENTS: [backend] });
    expect(settings.signIn.oidc[0]).toMatchObject({
      scopes: 'openid profile email',
      groups_claim: 'groups',
      domains: [],
      recheck: 43_200,
      max_age: 2_592_000,
    });
    expect(settings.clients[0]?.token_endpoint_auth_method).toBe('none');
  });

  it('fill what a TOKENS table leaves out', () => {
    expect(parseSettings({ TOKENS: { code: 1 } }).settings.tokens).toMatchObject({ code: 1, access: 1800 });
  });
});

describe('a mistake', () => {
  it.each<[Record<string, unknown>, setting: string, problem: RegExp]>([
    [{ PUBLIC_URL: 'https://mcp.example.com/path' }, 'PUBLIC_URL', /mcp.example.com\/path.*without a path/],
    [{ PUBLIC_URL: 'https://mcp.example.com?a' }, 'PUBLIC_URL', /origin/],
    [{ PUBLIC_URL: 'https://mcp.example.com#a' }, 'PUBLIC_URL', /origin/],
    [{ PUBLIC_URL: 'http://mcp.example.com' }, 'PUBLIC_URL', /http:\/\/mcp.example.com.*https/],
    [{ PUBLIC_URL: 'https://user:pass@mcp.example.com' }, 'PUBLIC_URL', /origin/],
    [{ PUBLIC_URL: 'mcp.example.com' }, 'PUBLIC_URL', /mcp.example.com.*origin/],
    [{ PUBLIC_URL: 'ftp://mcp.example.com' }, 'PUBLIC_URL', /origin/],
    [{ PUBLIC_URL: 12 }, 'PUBLIC_URL', /it is 12/],
    [{ NAME: 'x'.repeat(61) }, 'NAME', /60/],
    [{ NAME: { a: 1 } }, 'NAME', /string/],
    [{ LOGO: 'logo.svg' }, 'LOGO', /logo.svg.*https/],
    [{ LOGO: `data:image/png,${'x'.repeat(8192)}` }, 'LOGO', /8,192/],
    [{ POLICY_URL: 'http://example.com' }, 'POLICY_URL', /http:\/\/example.com.*https/],
    [{ TERMS_URL: 'javascript:alert(1)' }, 'TERMS_URL', /https/],
    [{ SUPPORT_URL: 'mailto:help@example.com' }, 'SUPPORT_URL', /https/],
    [{ DEFAULT_ROLE: 'root' }, 'DEFAULT_ROLE', /"root".*viewer, auditor, member, owner, admin/],
    [{ SIGN_IN: '{oidc:[]}' }, 'SIGN_IN', /isn’t valid JSON/],
    [{ SIGN_IN: { methods: ['password'] } }, 'SIGN_IN.methods[0]', /"password".*oidc, key, skip, local/],
    [{ SIGN_IN: { methods: [] } }, 'SIGN_IN.methods', /./],
    [{ SIGN_IN: { methods: ['oidc'] } }, 'SIGN_IN.oidc', /has no provider/],
    [{ SIGN_IN: { oidc: acme } }, 'SIGN_IN.oidc', /array/],
    [{ SIGN_IN: { oidc: [{ ...acme, issuer: undefined }] } }, 'SIGN_IN.oidc[0].issuer', /missing/],
    [
      { SIGN_IN: { oidc: [{ ...acme, issuer: 'http://login.acme.com' }] } },
      'SIGN_IN.oidc[0].issuer',
      /https/,
    ],
    [{ SIGN_IN: { oidc: [{ ...acme, name: 'Acme' }] } }, 'SIGN_IN.oidc[0].name', /"Acme".*a-z/],
    [{ SIGN_IN: { oidc: [{ ...acme, name: 'local' }] } }, 'SIGN_IN.oidc[0].name', /which are reserved/],
    ...[
      [
        { tenants: ['2f6b1c9e-1111-2222-3333-444455556666'] },
        'tenants',
        /only for an issuer of many tenants/,
      ],
      [{ issuer: 'https://login.microsoftonline.com/common/v2.0' }, 'tenants', /missing.*list the ids/],
      [
        { issuer: 'https://login.microsoftonline.com/organizations/v2.0', tenants: ['acme'] },
        'tenants[0]',
        /"acme".*id of a tenant/,
      ],
      [{ token_endpoint_auth_method: 'tls' }, 'token_endpoint_auth_method', /client_secret_basic/],
      [{ discovery_url: 'http://id.acme.com' }, 'discovery_url', /https/],
      [{ response_mode: 'fragment' }, 'response_mode', /query or form_post/],
      [{ authorize_parameters: { state: 'x' } }, 'authorize_parameters.state', /set by the gate/],
      [{ authorize_parameters: { hd: 1 } }, 'authorize_parameters.hd', /must be text/],
      [{ groups_claim: [] }, 'groups_claim', /./],
      [{ groups_missing: 'drop' }, 'groups_missing', /keep or none/],
      [{ offline_access: 'yes' }, 'offline_access', /true or false/],
    ].map(
      ([more, key, problem]) =>
        [{ SIGN_IN: { oidc: [{ ...acme, ...(more as object) }] } }, `SIGN_IN.oidc[0].${key}`, problem] as [
          Record<string, unknown>,
          string,
          RegExp,
        ],
    ),
    [
      { SIGN_IN: { oidc: [{ ...acme, token_endpoint_auth_method: 'client_secret_post' }] } },
      'OIDC_ACME_CLIENT_SECRET',
      /its secret isn’t set/,
    ],
    [{ SIGN_IN: { oidc: [{ ...acme, scopes: 'profile' }] } }, 'SIGN_IN.oidc[0].scopes', /"profile".*openid/],
    [{ SIGN_IN: { oidc: [{ ...acme, recheck: 0 }] } }, 'SIGN_IN.oidc[0].recheck', /it is 0.*at least 1/],
    [{ SIGN_IN: { odic: [acme] } }, 'SIGN_IN', /"odic"/],
    [{ ROLES: [{ role: 'boss', methods: ['local'] }] }, 'ROLES[0].role', /"boss".*viewer/],
    [{ ROLES: [{ role: 'admin' }] }, 'ROLES[0]', /who it applies to/],
    [{ ROLES: [{ role: 'admin', groups: ['staff'] }] }, 'ROLES[0]', /provider/],
    [
      { ROLES: [{ role: 'admin', provider: 'acme', groups: ['a'] }] },
      'ROLES[0].provider',
      /"acme" isn’t a provider/,
    ],
    [{ ROLES: { role: 'admin', methods: ['local'] } }, 'ROLES', /array/],
    [{ CLIENTS: [{ ...backend, client_id: 'a b' }] }, 'CLIENTS[0].client_id', /"a b".*64/],
    [{ CLIENTS: [{ ...backend, redirect_uris: [] }] }, 'CLIENTS[0].redirect_uris', /./],
    [{ CLIENTS: [{ ...backend, name: 7 }] }, 'CLIENTS[0].name', /it is 7/],
    [
      { CLIENTS: [{ ...backend, token_endpoint_auth_method: 'tls' }] },
      'CLIENTS[0].token_endpoint_auth_method',
      /"tls"/,
    ],
    [
      { CLIENTS: [{ ...backend, token_endpoint_auth_method: 'client_secret_post' }] },
      'CLIENT_BACKEND_SECRET',
      /isn’t set/,
    ],
    [{ AUDIT: { mode: 'loud' } }, 'AUDIT.mode', /"loud".*background or strict/],
    [{ AUDIT: { retention: 0 } }, 'AUDIT.retention', /it is 0.*at least 1/],
    [{ TOKENS: { access: 0 } }, 'TOKENS.access', /it is 0.*at least 1/],
    [{ TOKENS: { access: 1.5 } }, 'TOKENS.access', /1\.5/],
    [{ TOKENS: { access: '60' } }, 'TOKENS.access', /"60"/],
    [{ TOKENS: { on_replay: 'ignore' } }, 'TOKENS.on_replay', /"ignore"/],
    [{ TOKENS: { acces: 60 } }, 'TOKENS', /"acces"/],
    [{ TOKENS: 3600 }, 'TOKENS', /3600/],
    [{ TOKENS: '[1,' }, 'TOKENS', /isn’t valid JSON/],
    [{ ORIGINS: ['https://app.example.com/path'] }, 'ORIGINS[0]', /origin/],
    [{ ORIGINS: 'https://app.example.com' }, 'ORIGINS', /isn’t valid JSON/],
    [
      { CLIENT_DOCUMENT_HOSTS: ['example.com:443'] },
      'CLIENT_DOCUMENT_HOSTS[0]',
      /"example.com:443".*loopback/,
    ],
    [{ SERVERS: [{ name: 'n', auth: 'none' }] }, 'SERVERS[0]', /exactly one of url, binding, and entrypoint/],
    [
      { SERVERS: [{ name: 'n', auth: 'magic', url: 'https://n.example' }] },
      'SERVERS[0].auth',
      /"magic".*none/,
    ],
    [{ SERVERS: [{ name: 'n', auth: 'static', url: 'https://n.example' }] }, 'SERVER_N_SECRET', /isn’t set/],
  ])('%j is reported with the setting, the value, and what would be right', (variables, setting, problem) => {
    const { problems } = parseSettings(variables);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ setting, problem: expect.stringMatching(problem) });
    expect(problems[0]?.fix.length).toBeGreaterThan(5);
  });

  it('leaves the other settings alone, and its own as if unset', () => {
    const { settings, problems } = parseSettings({ NAME: 'Acme', TOKENS: { access: 0, code: 1 } });
    expect(problems).toHaveLength(1);
    expect(settings).toMatchObject({ name: 'Acme', tokens: { access: 1800, code: 300 } });
  });

  it('is reported with all others', () => {
    const TOKENS = { access: 0, code: -1, more: 1 };
    const { problems } = parseSettings({ PUBLIC_URL: 'x', DEFAULT_ROLE: 'x', TOKENS });
    const named = problems.map(({ setting }) => setting).sort();
    expect(named).toEqual(['DEFAULT_ROLE', 'PUBLIC_URL', 'TOKENS', 'TOKENS.access', 'TOKENS.code']);
  });

  it('never shows a secret that was put into a table', () => {
    const client_secret = 'hunter2-hunter2';
    const tables = [
      { SIGN_IN: { oidc: [{ ...acme, client_secret }] } },
      { SIGN_IN: { oidc: { ...acme, client_secret } } },
      { SIGN_IN: [{ client_secret }] },
      { CLIENTS: [{ ...backend, client_secret }] },
      { CLIENTS: [{ ...backend, name: { client_secret } }] },
      { SERVERS: [{ name: 'n', url: 'https://n.example', auth: 'none', client_secret }] },
      { SIGN_IN: `{"client_secret": "${client_secret}"` },
    ];
    for (const variables of tables) {
      const { problems } = parseSettings(variables);
      expect(problems.length).toBeGreaterThan(0);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    }
  });

  it('with a long value shows only its beginning', () => {
    const { problems } = parseSettings({ DEFAULT_ROLE: 'x'.repeat(10_000) });
    expect(problems[0]?.problem.length).toBeLessThan(300);
  });
});

describe('PUBLIC_URL', () => {
  it.each([
    ['https://mcp.example.com/', 'https://mcp.example.com'],
    ['https://MCP.Example.com', 'https://mcp.example.com'],
    ['https://mcp.example.com:443', 'https://mcp.example.com'],
    ['https://mcp.example.com:8443', 'https://mcp.example.com:8443'],
    ['http://localhost:8787', 'http://localhost:8787'],
    ['http://127.0.0.1:8787/', 'http://127.0.0.1:8787'],
    ['http://[::1]:8787', 'http://[::1]:8787'],
  ])('%s is the origin %s', (PUBLIC_URL, expected) => {
    const { settings, problems } = parseSettings({ PUBLIC_URL });
    expect(problems).toEqual([]);
    expect(settings.publicUrl).toBe(expected);
  });
});

describe('secrets', () => {
  it.each([
    ['OIDC', 'acme', 'CLIENT_SECRET', 'OIDC_ACME_CLIENT_SECRET'],
    ['CLIENT', 'my-app.v2', 'SECRET', 'CLIENT_MY_APP_V2_SECRET'],
  ])('of %s %s have a name that a Worker can hold', (prefix, name, suffix, expected) => {
    expect(secretName(prefix, name, suffix)).toBe(expected);
  });

  it('that would share one name are refused', () => {
    const clients = ['my-app', 'my.app', 'other'].map((client_id) => ({ ...backend, client_id }));
    const { problems } = parseSettings({ CLIENTS: clients });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      setting: 'CLIENTS[1]',
      problem: expect.stringMatching(/"my.app" and "my-app"/),
    });
  });

  it("of a provider named twice, and of servers that end in the other's words, collide too", () => {
    const twice = parseSettings({ SIGN_IN: { oidc: [acme, acme] } }).problems;
    expect(twice.map(({ setting }) => setting)).toEqual(['SIGN_IN.oidc[1]']);
    const at = { url: 'https://n.example', auth: 'none' };
    const SERVERS = [
      { name: 'notes', ...at },
      { name: 'notes-client', ...at },
    ];
    expect(parseSettings({ SERVERS }).problems.map(({ setting }) => setting)).toEqual(['SERVERS[1]']);
  });

  it('that are set are read, and an empty one is none', () => {
    expect(readSecret({ A: 'x' }, 'A')).toBe('x');
    expect(readSecret({ A: '' }, 'A')).toBeUndefined();
    expect(readSecret({ A: 7 }, 'A')).toBeUndefined();
    expect(readSecret({}, 'A')).toBeUndefined();
  });

  it('that a client needs and has are no problem', () => {
    const CLIENTS = [{ ...backend, token_endpoint_auth_method: 'client_secret_basic' }];
    expect(parseSettings({ CLIENTS, CLIENT_BACKEND_SECRET: 's' }).problems).toEqual([]);
  });
});

describe('loopback', () => {
  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.9.8.7', '[::1]'])('is %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.nip.io',
    '128.0.0.1',
    '0.0.0.0',
    '[::2]',
    '::1',
    '',
  ])('is not %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

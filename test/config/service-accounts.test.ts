import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../src/config/settings';

const claims = [{ claim: 'repository', eq: 'acme/app' }];
const rules = [{ claims, role: 'member' }];
const jobs = { name: 'jobs', issuer: 'https://jobs.example', rules };
const nightly = {
  client_id: 'nightly',
  name: 'Nightly',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  role: 'viewer',
};
const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
const SERVERS = [{ name: 'notes', url: 'https://n.example/mcp', auth: 'none' }];

describe('a setting for programs that is right', () => {
  it.each<[string, object]>([
    ['a trusted issuer', { TRUSTED_ISSUERS: [jobs] }],
    [
      'one with all that it can have',
      {
        SERVERS,
        TRUSTED_ISSUERS: [
          {
            ...jobs,
            title: 'Jobs',
            audience: 'https://gate.example',
            jwks_uri: 'https://jobs.example/keys',
            lifetime: 60,
            rules: [{ claims, role: 'owner', servers: ['notes'], groups: ['ops'] }],
          },
        ],
      },
    ],
    ['one with its keys', { TRUSTED_ISSUERS: [{ ...jobs, jwks: { keys: [key] } }] }],
    ['a service', { CLIENTS: [nightly], CLIENT_NIGHTLY_SECRET: 's' }],
    [
      'a service that signs',
      {
        SERVERS,
        CLIENTS: [
          {
            ...nightly,
            token_endpoint_auth_method: 'private_key_jwt',
            jwks: { keys: [key] },
            servers: ['notes'],
          },
        ],
      },
    ],
    [
      'a device',
      { CLIENTS: [{ client_id: 'tv', name: 'TV', grant_types: ['device_code', 'refresh_token'].map(urn) }] },
    ],
  ])('%s', (_, variables) => {
    expect(parseSettings({ ...variables }).problems).toEqual([]);
    const asText = Object.entries(variables).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    expect(parseSettings(Object.fromEntries(asText)).problems).toEqual([]);
  });

  it('lasts ten minutes unless it says otherwise', () => {
    expect(parseSettings({ TRUSTED_ISSUERS: [jobs] }).settings.trustedIssuers[0]?.lifetime).toBe(600);
  });
});

describe('a setting that would let in the wrong ones is refused, with what to write instead', () => {
  it.each<[string, object, string, RegExp]>([
    [
      'no claim: everybody of that issuer',
      { rules: [{ claims: [], role: 'viewer' }] },
      '.rules[0].claims',
      /must name a claim/,
    ],
    ['no rule', { rules: [] }, '.rules', /./],
    [
      'a claim without a test',
      { rules: [{ claims: [{ claim: 'sub' }], role: 'viewer' }] },
      '.rules[0].claims[0]',
      /must have eq/,
    ],
    [
      'a rule for tools',
      { rules: [{ claims: [{ ...claims[0], tools: '*' }], role: 'viewer' }] },
      '.rules[0].claims[0]',
      /SERVERS/,
    ],
    ['no role', { rules: [{ claims }] }, '.rules[0].role', /viewer/],
    [
      'a server that is not there',
      { rules: [{ claims, role: 'viewer', servers: ['notes'] }] },
      '.rules[0].servers',
      /"notes"/,
    ],
    ['an issuer in clear', { issuer: 'http://jobs.example' }, '.issuer', /https/],
    ['a reserved name', { name: 'local' }, '.name', /must not be one of/],
    ['two places for keys', { jwks: { keys: [key] }, jwks_uri: 'https://jobs.example/keys' }, '', /not both/],
    ['a secret key', { jwks: { keys: [{ ...key, d: 'd' }] } }, '.jwks.keys[0]', /public key/],
    ['a shared secret as key', { jwks: { keys: [{ kty: 'oct', k: 'k' }] } }, '.jwks.keys[0].kty', /RSA/],
  ])('%s', (_, changes, path, problem) => {
    const { problems } = parseSettings({ TRUSTED_ISSUERS: [{ ...jobs, ...changes }] });
    expect(problems).toContainEqual({
      setting: `TRUSTED_ISSUERS[0]${path}`,
      problem: expect.stringMatching(problem),
      fix: expect.stringMatching(/./),
    });
  });

  it.each<[string, object, string]>([
    ['a service without a role', { role: undefined }, '.role'],
    [
      'a role without a service',
      { grant_types: ['authorization_code'], redirect_uris: ['https://a.example'] },
      '.role',
    ],
    ['a service without credentials', { token_endpoint_auth_method: 'none' }, '.token_endpoint_auth_method'],
    ['a client that signs without keys', { token_endpoint_auth_method: 'private_key_jwt' }, '.jwks_uri'],
    ['keys that nobody asks for', { jwks_uri: 'https://a.example/keys' }, '.jwks_uri'],
    ['a grant that can’t be given', { grant_types: ['password'] }, '.grant_types[0]'],
    [
      'a person’s client without an address',
      { grant_types: ['authorization_code'], role: undefined },
      '.redirect_uris',
    ],
    ['servers for people', { grant_types: ['refresh_token'], role: undefined, servers: [] }, '.servers'],
  ])('%s', (_, changes, path) => {
    const { problems } = parseSettings({
      CLIENTS: [{ ...nightly, ...changes }],
      CLIENT_NIGHTLY_SECRET: 's',
    });
    expect(problems.map(({ setting }) => setting)).toContain(`CLIENTS[0]${path}`);
  });

  it('two issuers of one name or address, and a name that a sign-in provider has', () => {
    const oidc = [{ name: 'jobs', issuer: 'https://login.example', client_id: 'gate' }];
    const twice = parseSettings({ TRUSTED_ISSUERS: [jobs, jobs] }).problems.map(({ setting }) => setting);
    expect(twice).toEqual(['TRUSTED_ISSUERS[1].name', 'TRUSTED_ISSUERS[1].issuer']);
    const { problems } = parseSettings({ TRUSTED_ISSUERS: [jobs], SIGN_IN: { oidc } });
    expect(problems.map(({ setting }) => setting)).toEqual(['TRUSTED_ISSUERS[0].name']);
  });
});

it('a regular expression about a claim has to match all of it', () => {
  const regex = [{ claims: [{ claim: 'repository', regex: 'acme/.*|x' }], role: 'viewer' }];
  const { settings } = parseSettings({ TRUSTED_ISSUERS: [{ ...jobs, rules: regex }] });
  const [rule] = settings.trustedIssuers[0]?.rules[0]?.claims ?? [];
  const matches = (text: string) => new RegExp(rule?.regex ?? '').test(text);
  expect(['acme/app', 'x'].map(matches)).toEqual([true, true]);
  expect(['evil/acme/app', 'evil-acme/app', 'xx', 'acme'].map(matches)).toEqual([false, false, false, false]);
});

function urn(type: string): string {
  return type === 'device_code' ? `urn:ietf:params:oauth:grant-type:${type}` : type;
}

it.each([
  ['^(?!evil)', 'lookahead'],
  ['(a)\\1', 'backreference'],
  ['(', 'missing closing'],
  ['a{2000}', 'repeat count'],
])('a claim rule of a server whose pattern is %s is a mistake that says why', (regex, reason) => {
  const server = { name: 'notes', url: 'https://notes.example/mcp', auth: 'none' };
  const { problems } = parseSettings({ SERVERS: [{ ...server, require: [{ claim: 'sub', regex }] }] });
  expect(problems).toHaveLength(1);
  expect(problems[0]?.setting).toBe('SERVERS[0].require[0].regex');
  expect(problems[0]?.problem).toContain(JSON.stringify(regex));
  expect(problems[0]?.problem).toContain(reason);
});

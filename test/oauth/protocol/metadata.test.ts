import { describe, expect, test } from 'vitest';
import { type Gate, gate, gateWith } from '../../fixtures/worker';

const SIGN_IN = JSON.stringify({
  oidc: [{ name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate' }],
});
/** Behind a proxy that calls it by an inner name. */
const proxied = gateWith(
  {
    PUBLIC_URL: 'https://gate.example',
    HOSTS: ['inner.internal:8080'],
    SIGN_IN,
    NAME: 'Acme',
    POLICY_URL: 'https://acme.example/privacy',
    TERMS_URL: 'https://acme.example/terms',
  },
  'http://inner.internal:8080',
);

async function json(at: Gate, path: string): Promise<Record<string, unknown>> {
  const response = await at.fetch(path);
  expect(response.status, path).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  return response.json();
}

const AS_PATHS = ['/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server/mcp'];

describe('resource metadata', () => {
  test.each([
    ['/.well-known/oauth-protected-resource', 'http://localhost:8787'],
    ['/.well-known/oauth-protected-resource/mcp', 'http://localhost:8787/mcp'],
  ])('at %s is about exactly the URL that the client was given: %s', async (path, resource) => {
    expect(await json(gate, path)).toEqual({
      resource,
      resource_name: 'Gatehouse',
      authorization_servers: ['http://localhost:8787'],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
      resource_documentation: 'http://localhost:8787',
    });
  });

  test.each([
    ['/.well-known/oauth-protected-resource', 'https://gate.example'],
    ['/.well-known/oauth-protected-resource/mcp', 'https://gate.example/mcp'],
  ])('at %s agrees with PUBLIC_URL and not with Host: %s', async (path, resource) => {
    expect(await json(proxied, path)).toEqual({
      resource,
      resource_name: 'Acme',
      authorization_servers: ['https://gate.example'],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
      resource_documentation: 'https://gate.example',
      resource_policy_uri: 'https://acme.example/privacy',
      resource_tos_uri: 'https://acme.example/terms',
    });
  });

  test.each(['/notes', '/mcp/notes', '/mcp/mcp', '/authorize'])(
    'is not made up for a resource that is not there: %s',
    async (path) => {
      expect((await gate.fetch(`/.well-known/oauth-protected-resource${path}`)).status).toBe(404);
    },
  );

  test.each(['/', '/mcp'])('is where the challenge of %s says', async (path) => {
    for (const at of [gate, proxied]) {
      const response = await at.fetch(path, { method: 'POST' });
      const url = /resource_metadata="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
      const { pathname, origin } = new URL(url ?? '');
      const metadata = await json(at, pathname);
      expect(metadata.resource).toBe(path === '/' ? origin : `${origin}${path}`);
      expect(origin).toBe(at === gate ? gate.origin : 'https://gate.example');
    }
  });
});

const GRANT_TYPES = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
];

describe('authorization server metadata', () => {
  test('says all that this server does and nothing else', async () => {
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
    const algorithms = ['RS256', 'ES256', 'PS256', 'EdDSA'];
    expect(await json(gate, '/.well-known/oauth-authorization-server')).toEqual({
      issuer: 'http://localhost:8787',
      authorization_endpoint: 'http://localhost:8787/authorize',
      token_endpoint: 'http://localhost:8787/oauth/token',
      registration_endpoint: 'http://localhost:8787/oauth/register',
      revocation_endpoint: 'http://localhost:8787/oauth/revoke',
      introspection_endpoint: 'http://localhost:8787/oauth/introspect',
      device_authorization_endpoint: 'http://localhost:8787/oauth/device_authorization',
      jwks_uri: 'http://localhost:8787/.well-known/jwks.json',
      scopes_supported: ['mcp:read', 'mcp:write', 'mcp:destructive', 'offline_access'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: GRANT_TYPES,
      token_endpoint_auth_methods_supported: ['none', ...methods],
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint_auth_methods_supported: ['none', ...methods],
      revocation_endpoint_auth_signing_alg_values_supported: algorithms,
      introspection_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_signing_alg_values_supported: algorithms,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      protected_resources: ['http://localhost:8787', 'http://localhost:8787/mcp'],
      service_documentation: 'http://localhost:8787',
    });
  });

  test('names grants for programs only where the settings give them to one', async () => {
    const rules = [{ claims: [{ claim: 'repository', eq: 'acme/app' }], role: 'viewer' }];
    const service = { client_id: 'job', name: 'Job', grant_types: ['client_credentials'], role: 'viewer' };
    const at = gateWith({
      TRUSTED_ISSUERS: JSON.stringify([{ name: 'jobs', issuer: 'https://jobs.example', rules }]),
      CLIENTS: JSON.stringify([{ ...service, token_endpoint_auth_method: 'client_secret_post' }]),
      CLIENT_JOB_SECRET: 'secret',
    });
    expect(await json(at, '/.well-known/oauth-authorization-server')).toMatchObject({
      grant_types_supported: [
        ...GRANT_TYPES,
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
        'client_credentials',
      ],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
    });
  });

  test('is the same at every path where it is asked for', async () => {
    for (const at of [gate, proxied]) {
      const [first, ...others] = await Promise.all(AS_PATHS.map((path) => json(at, path)));
      for (const other of others) expect(other).toEqual(first);
    }
  });

  test('has PUBLIC_URL for an issuer and in every URL, and names policy and terms', async () => {
    const metadata = await json(proxied, '/.well-known/oauth-authorization-server/mcp');
    expect(metadata.issuer).toBe('https://gate.example');
    expect(metadata).toMatchObject({
      op_policy_uri: 'https://acme.example/privacy',
      op_tos_uri: 'https://acme.example/terms',
    });
    const text = JSON.stringify(metadata);
    expect(text).not.toContain('inner.internal');
    for (const [name, value] of Object.entries(metadata)) {
      if (name.endsWith('_endpoint')) expect(value).toMatch(/^https:\/\/gate\.example\//);
    }
  });

  test('is not made up for an issuer that is not there', async () => {
    for (const path of ['/notes', '/mcp/notes']) {
      expect((await gate.fetch(`/.well-known/oauth-authorization-server${path}`)).status).toBe(404);
    }
  });
});

describe('every endpoint that is named', () => {
  /** What each says to a request that it can't fulfil: that it is there. */
  const ANSWERS: Record<string, { method: string; status: number }> = {
    authorization_endpoint: { method: 'GET', status: 400 },
    token_endpoint: { method: 'POST', status: 400 },
    registration_endpoint: { method: 'POST', status: 400 },
    revocation_endpoint: { method: 'POST', status: 400 },
    introspection_endpoint: { method: 'POST', status: 400 },
    device_authorization_endpoint: { method: 'POST', status: 400 },
  };

  test('answers, and none is missing that answers', async () => {
    const metadata = await json(gate, '/.well-known/oauth-authorization-server');
    const named = Object.keys(metadata).filter((name) => name.endsWith('_endpoint'));
    expect(named.sort()).toEqual(Object.keys(ANSWERS).sort());
    for (const name of named) {
      const { method, status } = ANSWERS[name] ?? { method: '', status: 0 };
      const response = await gate.fetch(new URL(String(metadata[name])).pathname, { method });
      expect(response.status, name).toBe(status);
    }
    const others = ['device', 'userinfo', 'par', 'logout', 'authorize', 'end_session', 'jwks'];
    for (const other of others) {
      expect((await gate.fetch(`/oauth/${other}`, { method: 'POST' })).status, other).toBe(404);
    }
    const keys = await json(gate, new URL(String(metadata.jwks_uri)).pathname);
    expect(keys.keys).toEqual(expect.any(Array));
  });

  test.each(['token', 'register', 'revoke', 'introspect', 'device_authorization'])(
    'takes POST and says so: /oauth/%s',
    async (name) => {
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']) {
        const response = await gate.fetch(`/oauth/${name}`, { method });
        expect(response.status, method).toBe(405);
        expect(response.headers.get('allow')).toBe('POST, OPTIONS');
      }
    },
  );
});

import { describe, expect, it } from 'vitest';
import { readClientDocument } from '../../../src/oauth/clients/document-rules';

const url = 'https://app.example/oauth/client.json';
const minimal = { client_id: url, client_name: 'App', redirect_uris: ['https://app.example/cb'] };
const rsaKey = { kty: 'RSA', n: 'AQAB', e: 'AQAB' };

describe('readClientDocument', () => {
  it('makes a public client of the least that a document must say', () => {
    expect(readClientDocument(url, minimal)).toEqual({
      ok: true,
      value: {
        client_id: url,
        kind: 'document',
        name: 'App',
        redirect_uris: ['https://app.example/cb'],
        auth_methods: ['none'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        domain: 'app.example',
      },
    });
  });

  it('leaves out what is not ours rather than turning the client away', () => {
    const document = {
      ...minimal,
      client_uri: 'https://app.example/about',
      redirect_uris: ['http://127.0.0.1/cb', 'app://cb', 'http://app.example/cb', 'https://*.app.example/'],
      grant_types: ['authorization_code', 'implicit', 'refresh_token'],
      response_types: ['code', 'id_token'],
      token_endpoint_auth_methods_supported: ['tls_client_auth', 'none'],
      unheard_of: true,
    };
    expect(readClientDocument(url, document)).toMatchObject({
      value: {
        uri: 'https://app.example/about',
        redirect_uris: ['http://127.0.0.1/cb', 'app://cb'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        auth_methods: ['none'],
      },
    });
  });

  it.each([
    ['not_a_document', undefined],
    ['not_a_document', 'text'],
    ['not_a_document', []],
    ['not_a_document', { error: 'rate limited' }],
    ['client_id_mismatch', { ...minimal, client_id: `${url}/` }],
    ['client_id_mismatch', { ...minimal, client_id: 'https://bank.example/client.json' }],
    ['client_id_mismatch', { ...minimal, client_id: [url] }],
    ['document_malformed', { client_id: url, redirect_uris: minimal.redirect_uris }],
    ['document_malformed', { ...minimal, client_name: '   ' }],
    ['document_malformed', { ...minimal, client_name: 'x'.repeat(201) }],
    ['document_malformed', { ...minimal, client_name: { en: 'App' } }],
    ['document_malformed', { ...minimal, redirect_uris: [] }],
    ['document_malformed', { ...minimal, redirect_uris: 'https://app.example/cb' }],
    ['document_malformed', { ...minimal, grant_types: 'authorization_code' }],
    ['document_malformed', { ...minimal, jwks: { keys: 'none' } }],
    [
      'document_malformed',
      {
        ...minimal,
        token_endpoint_auth_method: 'none',
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
      },
    ],
    [
      'redirect_uri_dangerous',
      { ...minimal, redirect_uris: ['https://app.example/cb', 'javascript:alert(1)'] },
    ],
    ['redirect_uris_unusable', { ...minimal, redirect_uris: ['http://app.example/cb', 'app://cb'] }],
    ['secret_published', { ...minimal, client_secret: 'oops' }],
    ['secret_published', { ...minimal, client_secret_expires_at: 0 }],
    ['secret_published', { ...minimal, jwks: { keys: [{ ...rsaKey, d: 'AQAB' }] } }],
    ['secret_published', { ...minimal, jwks: { keys: [{ kty: 'oct', k: 'AQAB' }] } }],
    ['auth_method_unsupported', { ...minimal, token_endpoint_auth_method: 'client_secret_basic' }],
    ['auth_method_unsupported', { ...minimal, token_endpoint_auth_methods_supported: ['client_secret_jwt'] }],
    ['auth_method_unsupported', { ...minimal, token_endpoint_auth_methods_supported: [] }],
    ['keys_unusable', { ...minimal, token_endpoint_auth_method: 'private_key_jwt' }],
    ['grant_types_unsupported', { ...minimal, grant_types: ['implicit'] }],
    ['grant_types_unsupported', { ...minimal, grant_types: ['refresh_token'] }],
    ['grant_types_unsupported', { ...minimal, response_types: ['token'] }],
  ])('refuses with %s what says %j', (reason, document) => {
    expect(readClientDocument(url, document)).toMatchObject({ ok: false, error: { reason } });
  });

  const signing = { ...minimal, token_endpoint_auth_method: 'private_key_jwt' };

  it.each([
    [{ jwks_uri: 'https://app.example/keys' }, ['RS256', 'ES256', 'PS256', 'EdDSA']],
    [{ jwks_uri: 'https://app.example/keys', token_endpoint_auth_signing_alg: 'ES256' }, ['ES256']],
    [{ jwks: { keys: [rsaKey] } }, ['RS256', 'PS256']],
    [{ jwks: { keys: [{ ...rsaKey, alg: 'RS256' }] } }, ['RS256']],
    [{ jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] } }, ['ES256']],
    [{ jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'a' }] } }, ['EdDSA']],
  ])('takes the keys of %j for %j', (keys, algorithms) => {
    expect(readClientDocument(url, { ...signing, ...keys })).toMatchObject({
      value: { auth_methods: ['private_key_jwt'], assertion_keys: { algorithms } },
    });
  });

  it.each([
    { jwks_uri: 'https://app.example/keys', jwks: { keys: [rsaKey] } },
    { jwks_uri: 'http://app.example/keys' },
    { jwks_uri: 'https://user@app.example/keys' },
    { jwks: { keys: [] } },
    { jwks: { keys: [{ ...rsaKey, use: 'enc' }] } },
    { jwks_uri: 'https://app.example/keys', token_endpoint_auth_signing_alg: 'HS256' },
    { jwks_uri: 'https://app.example/keys', token_endpoint_auth_signing_alg: 'none' },
  ])('lets no client that only signs in with keys as in %j', (keys) => {
    expect(readClientDocument(url, { ...signing, ...keys })).toMatchObject({
      error: { reason: 'keys_unusable' },
    });
  });

  it('lets a client with unusable keys go on without them where it offers that', () => {
    const document = { ...signing, token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'] };
    const read = readClientDocument(url, document);
    expect(read).toMatchObject({ value: { auth_methods: ['none'] } });
    expect(read.ok && 'assertion_keys' in read.value).toBe(false);
  });
});

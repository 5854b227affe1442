import { describe, expect, test } from 'vitest';
import { canonicalIssuer, canonicalUrl, isDocumentOf, isIssuerOf, sameIssuer, sameUrl } from '../src/issuer';

describe('an issuer that is spelled in two ways is one issuer', () => {
  test.each([
    ['the root slash', 'https://acme.auth0.com', 'https://acme.auth0.com/'],
    ['the case of the host', 'https://acme.auth0.com', 'https://ACME.Auth0.com'],
    ['the case of the scheme', 'https://acme.auth0.com', 'HTTPS://acme.auth0.com'],
    ['the default port', 'https://acme.auth0.com', 'https://acme.auth0.com:443/'],
    ['the default port of http', 'http://localhost/', 'http://localhost:80'],
    ['a slash after a path', 'https://kc.example/realms/acme', 'https://kc.example/realms/acme/'],
    ['an international name', 'https://bücher.example', 'https://xn--bcher-kva.example/'],
    ['all of it at once', 'https://kc.example/realms/acme', 'HTTPS://KC.example:443/realms/acme/'],
  ])('%s', (_what, one, other) => {
    expect(canonicalIssuer(other)).toBe(canonicalIssuer(one));
    expect(sameIssuer(one, other)).toBe(true);
    expect(sameIssuer(other, one)).toBe(true);
  });

  test('and its canonical form is what it already is', () => {
    for (const issuer of ['https://acme.auth0.com', 'https://kc.example/realms/acme', 'local', 'visitor', ''])
      expect(canonicalIssuer(issuer)).toBe(issuer);
  });
});

describe('two issuers are never taken for one', () => {
  test.each([
    ['another host', 'https://acme.auth0.com', 'https://acme.auth0.com.evil.example'],
    ['a host that ends alike', 'https://acme.auth0.com', 'https://evil-acme.auth0.com'],
    ['another port', 'https://acme.auth0.com', 'https://acme.auth0.com:8443'],
    ['another scheme', 'https://localhost', 'http://localhost'],
    ['another path', 'https://kc.example/realms/acme', 'https://kc.example/realms/other'],
    ['the case of a path', 'https://kc.example/realms/acme', 'https://kc.example/realms/Acme'],
    ['a path and none', 'https://kc.example/realms/acme', 'https://kc.example'],
    ['two slashes at the end', 'https://kc.example/realms/acme', 'https://kc.example/realms/acme//'],
    ['dots in the path', 'https://kc.example/realms/acme', 'https://kc.example/realms/x/../acme'],
    ['an escaped letter', 'https://kc.example/realms/acme', 'https://kc.example/realms/%61cme'],
    ['a query', 'https://kc.example', 'https://kc.example/?x'],
    ['a fragment', 'https://kc.example', 'https://kc.example/#'],
    ['a user', 'https://kc.example', 'https://x@kc.example'],
    ['a host after a user', 'https://kc.example', 'https://kc.example@evil.example'],
    ['a backslash', 'https://kc.example', 'https://kc.example\\'],
    ['a line break that URL parsers drop', 'https://kc.example', 'https://kc.exam\nple'],
    ['spaces around it', 'https://kc.example', ' https://kc.example '],
    ['a word', 'local', 'LOCAL'],
    ['a word and nothing', 'local', ''],
  ])('%s', (_what, one, other) => {
    expect(sameIssuer(one, other)).toBe(false);
  });
});

describe('a URL', () => {
  test.each([
    ['HTTPS://Gate.Example:443', 'https://gate.example'],
    ['https://gate.example/', 'https://gate.example'],
    ['https://GATE.example/MCP/Notes', 'https://gate.example/MCP/Notes'],
    ['https://gate.example/mcp/', 'https://gate.example/mcp/'],
    ['https://gate.example/?a=B', 'https://gate.example/?a=B'],
    ['api://Gate', 'api://Gate'],
    ['nonsense', 'nonsense'],
    ['https://', 'https://'],
    ['https://%zz', 'https://%zz'],
  ])('%s has the canonical form %s', (text, canonical) => {
    expect(canonicalUrl(text)).toBe(canonical);
    expect(sameUrl(text, canonical)).toBe(true);
  });

  test('with a slash after its path is another one, unlike an issuer', () => {
    expect(sameUrl('https://gate.example/mcp', 'https://gate.example/mcp/')).toBe(false);
  });

  test('of a megabyte is compared at once', () => {
    const long = `https://gate.example/${'/'.repeat(1_000_000)}`;
    const began = performance.now();
    expect(sameIssuer(long, `${long}x`)).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('a provider of many tenants', () => {
  const [ACME, OTHER] = ['2f6b1c9e-1111-2222-3333-444455556666', '7a7a7a7a-1111-2222-3333-444455556666'];
  const entra = { issuer: 'https://login.microsoftonline.com/organizations/v2.0', tenants: [ACME] };

  test.each([
    [`https://login.microsoftonline.com/${ACME}/v2.0`, true],
    [`https://login.microsoftonline.com/${ACME}/v2.0/`, true],
    [`https://sts.windows.net/${ACME}/`, true],
    [`https://login.microsoftonline.com/${OTHER}/v2.0`, false],
    [`https://login.microsoftonline.com/${ACME}/v2.0/x`, false],
    [`https://login.evil.example/${ACME}/v2.0`, false],
    ['https://login.microsoftonline.com/{tenantid}/v2.0', false],
    ['https://login.microsoftonline.com/organizations/v2.0', false],
  ])('has the issuer %s: %s', (iss, own) => {
    expect(isIssuerOf(entra, iss)).toBe(own);
  });

  test.each([
    ['https://login.microsoftonline.com/{tenantid}/v2.0', true],
    ['https://sts.windows.net/{tenantid}/', true],
    ['https://login.evil.example/{tenantid}/v2.0', false],
    [`https://login.microsoftonline.com/${ACME}/v2.0`, false],
  ])('has the document that names itself %s: %s', (named, own) => {
    expect(isDocumentOf(entra, named)).toBe(own);
  });
});

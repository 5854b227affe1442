import { describe, expect, it } from 'vitest';
import {
  describeRedirect,
  judgeRegisteredRedirectUri,
  matchRedirectUri,
  validateRedirectUris,
} from '../../../src/oauth/clients/redirect-uri';

describe('matchRedirectUri', () => {
  const web = ['https://claude.ai/api/mcp/auth_callback', 'https://app.example/cb?tenant=1'];

  it('sends a code only to the very string that was registered', () => {
    for (const uri of web) expect(matchRedirectUri(uri, web)).toBe(uri);
    for (const uri of [
      'https://claude.ai/api/mcp/auth_callback/',
      'https://claude.ai/api/mcp/auth_callback?x=1',
      'https://claude.ai/api/mcp/../mcp/auth_callback',
      'https://CLAUDE.AI/api/mcp/auth_callback',
      'https://claude.ai:443/api/mcp/auth_callback',
      'https://claude.ai:8443/api/mcp/auth_callback',
      'http://claude.ai/api/mcp/auth_callback',
      'https://claude.ai.evil.example/api/mcp/auth_callback',
      'https://claude.ai@evil.example/api/mcp/auth_callback',
      'https://claude.ai/api/mcp/auth_callback#x',
      'https://app.example/cb?tenant=2',
      'https://app.example/cb',
      '',
    ]) {
      expect(matchRedirectUri(uri, web), uri).toBeUndefined();
    }
  });

  it.each([
    ['http://localhost/callback', 'http://localhost:54321/callback'],
    ['http://localhost/callback', 'http://127.0.0.1:54321/callback'],
    ['http://127.0.0.1/callback', 'http://localhost/callback'],
    ['http://127.0.0.1:33418/', 'http://[::1]:1/'],
    ['http://[::1]:8080/cb?x=1', 'http://localhost:9/cb?x=1'],
    ['http://localhost:8787/callback', 'http://localhost:8788/callback'],
    ['http://127.0.0.2/cb', 'http://127.0.0.2:99/cb'],
  ])('takes %s and %s for one place on this computer', (registered, requested) => {
    expect(matchRedirectUri(requested, [registered])).toBe(requested);
  });

  it.each([
    ['http://localhost/callback', 'http://localhost:54321/other'],
    ['http://localhost/callback', 'http://localhost:54321/callback?x=1'],
    ['http://localhost/callback', 'http://localhost:54321/callback/'],
    ['http://localhost/callback', 'https://localhost:54321/callback'],
    ['http://localhost/callback', 'http://localhost:99999/callback'],
    ['http://localhost/callback', 'http://localhost:80@evil.example/callback'],
    ['http://localhost/callback', 'http://localhost.evil.example/callback'],
    ['http://localhost/callback', 'http://127.0.0.1.evil.example/callback'],
    ['http://localhost/callback', 'http://2130706433/callback'],
    ['http://localhost/callback', 'http://127.0.0.2/callback'],
    ['https://localhost:8443/callback', 'https://localhost:8444/callback'],
    ['https://app.example/callback', 'http://localhost/callback'],
  ])('does not take %s and %s for one place', (registered, requested) => {
    expect(matchRedirectUri(requested, [registered])).toBeUndefined();
  });

  it.each([
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'http://evil.example/cb',
    'javascript:alert(1)',
    'https://app.example/cb#part',
    'https://user@app.example/cb',
    'https://@app.example/cb',
    'https://app.example\\@evil.example/cb',
    'https://app.example/cb\n',
    ' https://app.example/cb',
    'https:app.example/cb',
    'https:///app.example/cb',
    'https://äpp.example/cb',
  ])('never redirects to %s, even if a client has it stored', (uri) => {
    expect(matchRedirectUri(uri, [uri])).toBeUndefined();
  });
});

describe('judgeRegisteredRedirectUri', () => {
  it.each([
    'https://app.example/cb',
    'https://app.example',
    'https://app.example:8443/cb?x=1',
    'http://localhost:8787/callback',
    'http://127.0.0.1/',
    'http://[::1]/cb',
  ])('can use %s', (uri) => {
    expect(judgeRegisteredRedirectUri(uri)).toBe('usable');
  });

  it.each(['cursor://anysphere.cursor-mcp/oauth/callback', 'com.example.app:/cb', 'vscode://x/y'])(
    'stores %s and no more',
    (uri) => {
      expect(judgeRegisteredRedirectUri(uri)).toBe('storable');
    },
  );

  it.each([
    ['http://evil.example/cb', 'redirect_uri_not_https'],
    ['http://10.0.0.1/cb', 'redirect_uri_not_https'],
    ['javascript:alert(1)', 'redirect_uri_dangerous'],
    ['JavaScript:alert(1)', 'redirect_uri_dangerous'],
    ['data:text/html,hi', 'redirect_uri_dangerous'],
    ['file:///etc/passwd', 'redirect_uri_dangerous'],
    ['https://app.example/cb#', 'redirect_uri_fragment'],
    ['https://app.example/cb#x', 'redirect_uri_fragment'],
    ['https://user:pass@app.example/cb', 'redirect_uri_userinfo'],
    ['cursor://user@host/cb', 'redirect_uri_userinfo'],
    ['https://*.app.example/cb', 'redirect_uri_wildcard'],
    ['https://app.example/*', 'redirect_uri_wildcard'],
    ['http://localhost:*/cb', 'redirect_uri_malformed'],
    ['java\nscript:alert(1)', 'redirect_uri_malformed'],
    ['https://app.example/\0', 'redirect_uri_malformed'],
    ['/cb', 'redirect_uri_malformed'],
    ['', 'redirect_uri_malformed'],
    [`https://app.example/${'x'.repeat(2000)}`, 'redirect_uri_too_long'],
  ])('refuses %j as %s', (uri, reason) => {
    expect(judgeRegisteredRedirectUri(uri)).toEqual({ reason });
  });
});

describe('validateRedirectUris', () => {
  it("keeps a private-use URI beside a usable one, as Cursor's registration has it", () => {
    const uris = ['http://localhost:8787/callback', 'cursor://anysphere.cursor-mcp/oauth/callback'];
    expect(validateRedirectUris(uris)).toEqual({ ok: true, value: uris });
  });

  it.each([
    ['nothing', undefined],
    ['a string', 'https://app.example/cb'],
    ['a number in the list', ['https://app.example/cb', 7]],
    ['none', []],
    ['eleven', Array.from({ length: 11 }, (_, index) => `https://app.example/${index}`)],
    ['one refused among good ones', ['https://app.example/cb', 'http://evil.example/cb']],
    ['private-use ones alone', ['cursor://anysphere.cursor-mcp/oauth/callback']],
  ])('refuses %s', (_, uris) => {
    expect(validateRedirectUris(uris)).toMatchObject({
      ok: false,
      error: { reason: 'invalid_redirect_uri' },
    });
  });

  it('takes ten, and says which one it refuses without repeating it', () => {
    const ten = Array.from({ length: 10 }, (_, index) => `https://app.example/${index}`);
    expect(validateRedirectUris(ten).ok).toBe(true);
    const refused = validateRedirectUris(['https://app.example/cb', 'javascript:alert(1)']);
    expect(refused).toMatchObject({ error: { detail: 'redirect_uris[1]: redirect_uri_dangerous' } });
  });
});

describe('describeRedirect', () => {
  function described(uri: string) {
    const checked = matchRedirectUri(uri, [uri]);
    if (!checked) throw new Error(`not usable: ${uri}`);
    return describeRedirect(checked);
  }

  it('names the host that the browser would go to', () => {
    expect(described('https://claude.ai/api/mcp/auth_callback')).toEqual({
      host: 'claude.ai',
      loopback: false,
    });
    expect(described('https://app.example:8443/cb')).toEqual({ host: 'app.example:8443', loopback: false });
  });

  it('warns of an app on this computer under each of its names', () => {
    for (const host of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000']) {
      expect(described(`http://${host}/callback`)).toEqual({ host, loopback: true });
    }
    expect(described('https://localhost:5000/callback').loopback).toBe(true);
  });
});

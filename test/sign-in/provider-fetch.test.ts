import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { beginOidc, finishOidc } from '../../src/sign-in/oidc';
import { askAgain } from '../../src/sign-in/oidc-again';
import type { OidcResult } from '../../src/sign-in/oidc-refusals';
import { oidcSettings } from '../fixtures/oidc-settings';
import { SignInProvider } from '../fixtures/sign-in-provider';

/* Sign-in providers are fetched as everybody is: by whom they send the gate to, how much they say, and how slowly. */

const REDIRECT = 'https://gate.example/sign-in/callback';

let provider: SignInProvider;
let asked: string[];
let answer: (request: Request) => Promise<Response> | Response;

beforeEach(() => {
  provider = new SignInProvider();
  asked = [];
  answer = (request) => provider.fetch(request);
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    asked.push(request.url);
    return answer(request);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A whole sign-in; what comes of it. */
async function signIn(local = false): Promise<OidcResult<unknown>> {
  const settings = oidcSettings(provider.issuer, { client_id: 'gate' });
  const begun = await beginOidc(settings, REDIRECT, 'flow-1', { local });
  if (!begun.ok) return begun;
  const { transaction } = begun.value;
  provider.nonce = transaction.nonce;
  const answer = new URL(`${REDIRECT}?${new URLSearchParams({ state: transaction.state, code: 'c' })}`);
  const at = { provider: settings, clientSecret: undefined, redirectUri: REDIRECT };
  return finishOidc({ ...at, transaction, answer, local });
}

const reasonOf = (result: OidcResult<unknown>) => (result.ok ? 'signed in' : result.error.reason);

const INSIDE = [
  'https://127.0.0.1/x',
  'https://localhost/x',
  'https://10.0.0.1/x',
  'https://169.254.169.254/latest/meta-data',
  'https://[::1]/x',
  'https://[::ffff:10.0.0.1]/x',
  'https://[64:ff9b::a00:1]/x',
  'https://[2002:a00:1::]/x',
  'https://2130706433/x',
  'https://intranet/x',
  'https://db.internal/x',
  'http://id.example/x',
  'https://user:secret@id.example/x',
  'file:///etc/passwd',
];

describe.each(INSIDE)('an address inside, or not by https: %s', (url) => {
  test.each(['token_endpoint', 'jwks_uri', 'userinfo_endpoint'])('is never asked as %s', async (endpoint) => {
    provider.claims = { sub: 'ada' };
    provider.metadata = { [endpoint]: url };
    expect(reasonOf(await signIn())).toMatch(/^oidc_(metadata|userinfo)_invalid$/);
    expect(asked.filter((one) => !one.startsWith(provider.issuer))).toEqual([]);
  });
});

test.each(['https://10.0.0.1', 'https://localhost', 'http://localhost:9000', 'http://127.0.0.1'])(
  'an issuer inside is never asked by a gate on a public host: %s',
  async (issuer) => {
    provider = new SignInProvider(issuer);
    expect(reasonOf(await signIn())).toBe('oidc_metadata_invalid');
    expect(asked).toEqual([]);
  },
);

describe('in local development', () => {
  test('the issuer that the setting names may be on this computer', async () => {
    provider = new SignInProvider('http://127.0.0.1:9000');
    expect(reasonOf(await signIn(true))).toBe('signed in');
  });

  test.each([
    [9001, 'http://127.0.0.1:9000/x'],
    [9002, 'http://localhost:9002/x'],
    [9003, 'http://id.example/x'],
    [9004, 'https://10.0.0.1/x'],
  ])('other endpoints that it names don’t count for that: %i, %s', async (port, token_endpoint) => {
    provider = new SignInProvider(`http://127.0.0.1:${port}`);
    provider.metadata = { token_endpoint };
    expect(reasonOf(await signIn(true))).toBe('oidc_metadata_invalid');
    expect(asked).toHaveLength(1);
  });

  test('a private address is not this computer', async () => {
    provider = new SignInProvider('https://192.168.1.1');
    expect(reasonOf(await signIn(true))).toBe('oidc_metadata_invalid');
    expect(asked).toEqual([]);
  });
});

describe('an endless answer is read no further than 256 kB', () => {
  test.each([['/.well-known/openid-configuration'], ['/token'], ['/jwks'], ['/userinfo']])(
    'of %s',
    async (path) => {
      provider.claims = { sub: 'ada' };
      provider.userinfo = () => Response.json({ sub: 'ada' });
      let read = 0;
      answer = (request) => {
        if (new URL(request.url).pathname !== path) return provider.fetch(request);
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            read += 65_536;
            controller.enqueue(new Uint8Array(65_536).fill(32));
          },
        });
        return new Response(body, { headers: { 'content-type': 'application/json' } });
      };
      expect(reasonOf(await signIn())).toBe('oidc_too_large');
      expect(read).toBeLessThan(1_000_000);
    },
  );
});

describe('a redirect is never followed', () => {
  test.each([['/.well-known/openid-configuration'], ['/token'], ['/jwks'], ['/userinfo']])(
    'of %s',
    async (path) => {
      provider.claims = { sub: 'ada' };
      provider.userinfo = () => Response.json({ sub: 'ada' });
      answer = (request) =>
        new URL(request.url).pathname === path
          ? new Response(null, { status: 302, headers: { location: 'https://10.0.0.1/' } })
          : provider.fetch(request);
      expect(reasonOf(await signIn())).toBe('oidc_redirected');
      expect(asked.join()).not.toContain('10.0.0.1');
    },
  );
});

test('a provider that is asked again is fetched by the same rules', async () => {
  provider.metadata = { token_endpoint: 'https://10.0.0.1/token' };
  const settings = oidcSettings(provider.issuer, { client_id: 'gate' });
  const known = {
    provider: 'acme',
    issuer: provider.issuer,
    subject: 'ada',
    name: 'Ada',
    email: undefined,
    email_verified: false,
    groups: [],
  };
  const question = { provider: settings, providers: [settings], local: false, known };
  const secrets = { clientSecret: undefined, refresh_token: 'first' };
  const asking = askAgain({ ...question, ...secrets, keep: async () => undefined });
  expect(await asking).toMatchObject({ verdict: 'unavailable', settled: true });
  expect(asked.join()).not.toContain('10.0.0.1');
});

test('a user without a subject, from before such were refused, may not go on', async () => {
  const settings = oidcSettings(provider.issuer, { client_id: 'gate' });
  const known = { provider: 'acme', issuer: provider.issuer, subject: '', name: '', email: undefined };
  const asking = askAgain({
    provider: settings,
    providers: [settings],
    local: false,
    clientSecret: undefined,
    refresh_token: 'first',
    known: { ...known, email_verified: false, groups: [] },
    keep: async () => undefined,
  });
  expect(await asking).toEqual({ verdict: 'revoked', reason: 'oidc_subject_invalid' });
});

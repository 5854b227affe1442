import { generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Identity } from '../../src/account/principal/identity';
import type { ProviderAnswer } from '../../src/account/provider/provider';
import type { OidcProvider } from '../../src/config/identity-providers';
import { askAgain } from '../../src/sign-in/oidc-again';
import { oidcSettings } from '../fixtures/oidc-settings';
import { invalidGrant, onNetwork, SignInProvider } from '../fixtures/sign-in-provider';

/* What an answer of a provider that is asked again is taken for. */

let provider: SignInProvider;
let known: Identity;
let kept: (string | undefined)[];

beforeEach(() => {
  provider = new SignInProvider();
  provider.given.push('first');
  onNetwork(provider);
  kept = [];
  known = {
    provider: 'acme',
    issuer: provider.issuer,
    subject: 'ada',
    name: 'Ada Lovelace',
    email: 'ada@acme.example',
    email_verified: true,
    groups: ['staff'],
  };
});
afterEach(() => {
  vi.restoreAllMocks();
});

function ask(refresh_token = 'first', more: Partial<OidcProvider> = {}): Promise<ProviderAnswer> {
  const settings = oidcSettings(provider.issuer, { client_id: 'gate', ...more });
  const keep = async (token: string | undefined) => void kept.push(token);
  const question = {
    provider: settings,
    local: false,
    providers: [settings],
    clientSecret: undefined,
    refresh_token,
  };
  return askAgain({ ...question, known, keep });
}

describe('yes', () => {
  test('with the claims of the new ID token, and the refresh token that took the place of the old one', async () => {
    provider.claims = { ...provider.claims, name: 'Ada King', groups: ['leads'] };
    const identity = { ...known, name: 'Ada King', groups: ['leads'] };
    expect(await ask()).toMatchObject({ verdict: 'valid', identity });
    expect(kept).toEqual([provider.given[1]]);
  });

  test('with nothing new: everything stays, the refresh token too', async () => {
    provider.rotates = false;
    provider.again = null;
    expect(await ask()).toMatchObject({ verdict: 'valid', identity: known });
    expect(kept).toEqual([undefined]);
  });

  test('with an ID token that tells of nobody: everything stays', async () => {
    provider.claims = { sub: 'ada' };
    expect(await ask()).toMatchObject({ verdict: 'valid', identity: known });
  });

  test('with userinfo, where no ID token comes', async () => {
    provider.again = null;
    provider.userinfo = () => Response.json({ sub: 'ada', name: 'By userinfo', email: 'a@b.example' });
    const identity = { name: 'By userinfo', email: 'a@b.example', email_verified: false };
    expect(await ask()).toMatchObject({ verdict: 'valid', identity: { ...known, ...identity } });
  });

  test.each<[string, object]>([
    ['without a word of groups', {}],
    ['with groups that are elsewhere', { _claim_names: { groups: 'src1' } }],
    ['with groups in a form that nobody can read', { groups: 7 }],
  ])('%s: what was known of them stays', async (_what, claims) => {
    provider.claims = { sub: 'ada', name: 'Ada Lovelace', ...claims };
    expect(await ask()).toMatchObject({ verdict: 'valid', identity: known });
  });

  test('without groups, where the provider says so or a setting says what silence means', async () => {
    provider.claims = { sub: 'ada', name: 'Ada Lovelace', groups: [] };
    expect(await ask()).toMatchObject({ identity: { groups: [] } });
    provider.claims = { sub: 'ada', name: 'Ada Lovelace' };
    expect(await ask(provider.given[1], { groups_missing: 'none' })).toMatchObject({
      identity: { groups: [] },
    });
    provider.claims = { sub: 'ada', name: 'Ada Lovelace', hasgroups: true };
    expect(await ask(provider.given[2], { groups_missing: 'none' })).toMatchObject({ identity: known });
  });

  test('with another address: a name that was the address goes along, one that wasn’t stays', async () => {
    provider.claims = { sub: 'ada', email: 'king@acme.example', email_verified: true, groups: ['staff'] };
    expect(await ask()).toMatchObject({ identity: { name: 'Ada Lovelace', email: 'king@acme.example' } });
    known = { ...known, name: 'ada@acme.example' };
    expect(await ask(provider.given[1])).toMatchObject({ identity: { name: 'king@acme.example' } });
  });

  test('stores the rotated token before it looks at anything else', async () => {
    const order: string[] = [];
    const settings = oidcSettings(provider.issuer, { client_id: 'gate' });
    const fetched = vi.mocked(globalThis.fetch);
    const keep = async () => {
      order.push(...fetched.mock.calls.map(([url]) => new URL(String(url)).pathname), 'kept');
      fetched.mockClear();
    };
    provider.userinfo = () => Response.json({ sub: 'ada' });
    provider.claims = { sub: 'ada' };
    const question = { provider: settings, local: false, providers: [settings], clientSecret: undefined };
    await askAgain({ ...question, refresh_token: 'first', known, keep });
    order.push(...fetched.mock.calls.map(([url]) => new URL(String(url)).pathname));
    expect(order).toEqual(['/.well-known/openid-configuration', '/token', 'kept', '/jwks', '/userinfo']);
  });
});

describe('an answer that can’t be trusted says nothing, and the rotated token is stored all the same', () => {
  const wrongKey = generateKeyPair('RS256');
  test.each<[string, () => void | Promise<void>, string]>([
    [
      'about somebody else',
      () => void Object.assign(provider, { again: { sub: 'eve' } }),
      'oidc_subject_mismatch',
    ],
    [
      'of another issuer',
      () => void Object.assign(provider, { again: { iss: 'https://x.example' } }),
      'oidc_issuer_mismatch',
    ],
    [
      'for another client',
      () => void Object.assign(provider, { again: { aud: 'another' } }),
      'oidc_audience_mismatch',
    ],
    [
      'signed by another key',
      async () => void Object.assign(provider, { signer: (await wrongKey).privateKey }),
      'oidc_signature_invalid',
    ],
    [
      'with userinfo about somebody else',
      () => {
        provider.claims = { sub: 'ada' };
        provider.userinfo = () => Response.json({ sub: 'eve', name: 'Eve', groups: ['leads'] });
      },
      'oidc_userinfo_mismatch',
    ],
    [
      'without an ID token, and userinfo about somebody else',
      () => {
        provider.again = null;
        provider.userinfo = () => Response.json({ sub: 'eve', groups: ['leads'] });
      },
      'oidc_userinfo_mismatch',
    ],
  ])('%s', async (_what, spoil, reason) => {
    await spoil();
    expect(await ask()).toMatchObject({ verdict: 'unavailable', reason });
    expect(kept).toEqual([provider.given[1]]);
  });
});

describe('no answer', () => {
  test.each<[string, () => Response | Promise<Response>, string, boolean]>([
    ['down', () => new Response(null, { status: 503 }), 'oidc_unreachable', true],
    ['too busy', () => new Response(null, { status: 429 }), 'oidc_unreachable', true],
    ['broken', () => new Response(null, { status: 500 }), 'oidc_unreachable', false],
    ['behind a gateway that gave up', () => new Response(null, { status: 504 }), 'oidc_unreachable', false],
    ['gone', () => Promise.reject(new Error('reset')), 'oidc_unreachable', false],
    ['elsewhere', () => Response.redirect('http://169.254.169.254/', 302), 'oidc_redirected', true],
    ['talking nonsense', () => new Response('<h1>hello</h1>'), 'oidc_token_invalid', false],
    [
      'not knowing the gate',
      () => Response.json({ error: 'invalid_client' }, { status: 401 }),
      'oidc_client_rejected',
      true,
    ],
    ['of another opinion', () => Response.json({ error: 'nope' }, { status: 400 }), 'oidc_error', true],
  ])('of one that is %s', async (_what, answer, reason, settled) => {
    provider.instead = answer;
    expect(await ask()).toMatchObject({ verdict: 'unavailable', reason, settled });
    expect(kept).toEqual([]);
  });

  test('of one whose metadata is gone: nothing was sent, so nothing is lost', async () => {
    provider.metadata = { issuer: 'https://other.example' };
    expect(await ask()).toMatchObject({ verdict: 'unavailable', settled: true });
    expect(provider.presented).toEqual([]);
  });
});

test('no, and that alone, is its invalid_grant', async () => {
  provider.instead = invalidGrant;
  expect(await ask()).toMatchObject({ verdict: 'revoked', reason: 'oidc_refresh_rejected' });
  expect(kept).toEqual([]);
});

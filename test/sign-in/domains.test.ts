import { describe, expect, test } from 'vitest';
import type { OidcProvider } from '../../src/config/identity-providers';
import { checkDomain } from '../../src/sign-in/domains';

function provider(name: string, domains: string[]): OidcProvider {
  return {
    name,
    issuer: `https://${name}.example`,
    client_id: 'gatehouse',
    scopes: 'openid',
    groups_claim: 'groups',
    domains,
    recheck: 1,
    max_age: 1,
  };
}

const PROVIDERS = [provider('acme', ['acme.example', 'münchen.example']), provider('github', [])];

function check(from: string, email: string | undefined) {
  return checkDomain({ provider: from, email }, PROVIDERS);
}

const REFUSED = { ok: false, error: { reason: 'sso_required', detail: 'acme' } };

describe('an address of a bound domain', () => {
  test('comes in by its provider', () => {
    expect(check('acme', 'alice@acme.example')).toMatchObject({ ok: true });
  });

  test.each(['github', 'local'])('is refused from %s, with the provider to go to', (from) => {
    expect(check(from, 'alice@acme.example')).toEqual(REFUSED);
  });

  test.each([
    'alice@ACME.Example',
    'alice@acme.example.',
    'alice@acme.example ',
    'alice@ａcme.example',
    'a@b@acme.example',
    '"alice@other.example"@acme.example',
    '@acme.example',
    'alice@acme.example\n',
    'alice@acme.example:80',
    'alice@acme.example/x',
    'alice@m\u00fcnchen.example',
    'alice@xn--mnchen-3ya.example',
    'alice@mu\u0308nchen.example',
  ])('is not let past by spelling it %j', (email) => {
    expect(check('github', email)).toEqual(REFUSED);
  });
});

describe('any other address', () => {
  test.each([
    undefined,
    '',
    'alice',
    'alice@',
    'alice@other.example',
    'alice@mail.acme.example',
    'alice@notacme.example',
    'alice@acme.example.attacker.example',
    'acme.example@other.example',
  ])('%j comes in from anywhere', (email) => {
    expect(check('github', email)).toMatchObject({ ok: true });
  });
});

test('a domain bound to two providers is open to both and to no other', () => {
  const both = [provider('one', ['acme.example']), provider('two', ['acme.example'])];
  for (const from of ['one', 'two']) {
    expect(checkDomain({ provider: from, email: 'a@acme.example' }, both)).toMatchObject({ ok: true });
  }
  expect(checkDomain({ provider: 'local', email: 'a@acme.example' }, both)).toMatchObject({
    error: { detail: 'one' },
  });
});

import { describe, expect, test } from 'vitest';
import type { OidcProvider } from '../../src/config/identity-providers';
import { identityOf, lacksClaims } from '../../src/sign-in/oidc-claims';

const PROVIDER: OidcProvider = {
  name: 'acme',
  issuer: 'https://acme.example',
  client_id: 'gatehouse',
  scopes: 'openid',
  groups_claim: 'groups',
  domains: [],
  recheck: 1,
  max_age: 1,
};

function identity(...sources: Parameters<typeof identityOf>[3]) {
  return identityOf(PROVIDER, PROVIDER.issuer, 'subject-1', sources);
}

describe('an address counts as verified', () => {
  test.each([true, 'true', 'True', 'TRUE', 1, '1'])('when the provider says %j', (email_verified) => {
    expect(identity({ email: 'a@acme.example', email_verified }).email_verified).toBe(true);
  });

  test.each([false, 'false', 'False', 0, 2, 'yes', '', null, undefined, {}, [true]])(
    'and not when it says %j',
    (said) => {
      expect(identity({ email: 'a@acme.example', email_verified: said }).email_verified).toBe(false);
    },
  );

  test('never by what another source says of another address', () => {
    const claims = identity(
      { email: 'ceo@acme.example', email_verified: false },
      { email: 'me@b.example', email_verified: true },
    );
    expect(claims).toMatchObject({ email: 'ceo@acme.example', email_verified: false });
    const mixed = identity({ email: 'ceo@acme.example' }, { email_verified: true });
    expect(mixed).toMatchObject({ email: 'ceo@acme.example', email_verified: false });
  });

  test('when the ID token is silent about it and userinfo, with the address, is not', () => {
    const claims = identity({ email: 'a@acme.example' }, { email: 'a@acme.example', email_verified: true });
    expect(claims).toMatchObject({ email: 'a@acme.example', email_verified: true });
  });

  test('never without an address', () => {
    expect(identity({ email_verified: true })).toMatchObject({ email: undefined, email_verified: false });
  });
});

describe('a name to show', () => {
  test.each([
    ['the name', { name: 'Alice', email: 'a@b.example', preferred_username: 'al' }, 'Alice'],
    ['else the address', { name: ' ', email: 'a@b.example', preferred_username: 'al' }, 'a@b.example'],
    ['else the preferred username', { preferred_username: 'al' }, 'al'],
    ['else the subject', { name: 7 }, 'subject-1'],
  ])('is %s', (_which, claims, name) => {
    expect(identity(claims).name).toBe(name);
  });

  test("is the ID token's before userinfo's", () => {
    expect(identity({ name: 'Signed' }, { name: 'Asked' }).name).toBe('Signed');
  });
});

describe('userinfo is asked', () => {
  const complete = { name: 'Alice', email: 'a@b.example', email_verified: false, groups: [] };

  test('not when the ID token has everything', () => {
    expect(lacksClaims(complete, 'groups')).toBe(false);
  });

  test.each(['name', 'email', 'email_verified', 'groups'])('when it lacks %s', (claim) => {
    expect(lacksClaims({ ...complete, [claim]: undefined }, 'groups')).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { type Identity, roleOf } from '../../../src/account/principal/identity';
import { parseSettings } from '../../../src/config/settings';

const acme = { name: 'acme', issuer: 'https://login.acme.com', client_id: 'gate' };
const other = { name: 'other', issuer: 'https://login.other.com', client_id: 'gate' };

function settingsWith(ROLES: object[], more: object = {}) {
  const { settings, problems } = parseSettings({ SIGN_IN: { oidc: [acme, other] }, ROLES, ...more });
  expect(problems).toEqual([]);
  return settings;
}

const ada: Identity = {
  provider: 'acme',
  issuer: acme.issuer,
  subject: 'ada-1',
  name: 'Ada',
  email: 'ada@acme.com',
  email_verified: true,
  groups: ['staff'],
};
const local: Identity = { ...ada, provider: 'local', issuer: 'local', subject: 'Ada' };

describe('a role', () => {
  it.each<[string, Partial<Identity>, object[], string | undefined]>([
    ['by group', {}, [{ role: 'member', provider: 'acme', groups: ['staff'] }], 'member'],
    ['by subject', {}, [{ role: 'owner', provider: 'acme', users: ['ada-1'] }], 'owner'],
    ['by address', {}, [{ role: 'viewer', provider: 'acme', emails: ['ada@acme.com'] }], 'viewer'],
    ['by domain', {}, [{ role: 'member', provider: 'acme', emails: ['*@acme.com'] }], 'member'],
    ['by a part of the address', {}, [{ role: 'member', provider: 'acme', emails: ['ad*@*.com'] }], 'member'],
    [
      'in any case of letters',
      { email: 'ADA@Acme.com' },
      [{ role: 'member', provider: 'acme', emails: ['*@ACME.com'] }],
      'member',
    ],
    ['by method alone', {}, [{ role: 'viewer', methods: ['oidc'] }], 'viewer'],
    ['by method and group', {}, [{ role: 'viewer', methods: ['oidc'], groups: ['staff'] }], 'viewer'],
    [
      'the highest of several',
      {},
      [
        { role: 'viewer', provider: 'acme', groups: ['staff'] },
        { role: 'admin', provider: 'acme', users: ['ada-1'] },
        { role: 'member', methods: ['oidc'] },
      ],
      'admin',
    ],
    [
      'not by another group',
      {},
      [{ role: 'member', provider: 'acme', groups: ['Staff', 'staf'] }],
      undefined,
    ],
    [
      'not by the same group of another provider',
      { provider: 'other' },
      [{ role: 'admin', provider: 'acme', groups: ['staff'] }],
      undefined,
    ],
    [
      'not by the same subject of another provider',
      { provider: 'other' },
      [{ role: 'admin', provider: 'acme', users: ['ada-1'] }],
      undefined,
    ],
    [
      'not by an unverified address',
      { email_verified: false },
      [{ role: 'admin', provider: 'acme', emails: ['*@acme.com', 'ada@acme.com'] }],
      undefined,
    ],
    [
      'not by an address that is missing',
      { email: undefined },
      [{ role: 'admin', provider: 'acme', emails: ['*', '*@*', '*@acme.com'] }],
      undefined,
    ],
    ['not by another method', {}, [{ role: 'admin', methods: ['local'] }], undefined],
    [
      'not by a rule of empty lists',
      {},
      [{ role: 'admin', provider: 'acme', groups: [], emails: [], users: [] }],
      undefined,
    ],
  ])('is given %s', (_, change, roles, expected) => {
    expect(roleOf({ ...ada, ...change }, settingsWith(roles))).toBe(expected);
  });

  it.each([
    'ada@acme.com.evil.example',
    'ada@evil.example',
    'ada@acmeXcom',
    'eve@evil.example@acme.com',
    'ada@sub.acme.com',
    'ada@acme.com\n',
    '@acme.company',
  ])('is not given for *@acme.com to %j', (email) => {
    const settings = settingsWith([{ role: 'admin', provider: 'acme', emails: ['*@acme.com'] }]);
    expect(roleOf({ ...ada, email }, settings)).toBeUndefined();
  });

  it('is what a glob says literally, whatever else its characters mean', () => {
    const settings = settingsWith([{ role: 'admin', provider: 'acme', emails: ['a.b+(c)[d]@acme.com'] }]);
    expect(roleOf({ ...ada, email: 'a.b+(c)[d]@acme.com' }, settings)).toBe('admin');
    expect(roleOf({ ...ada, email: 'aXbb(c)d@acme.com' }, settings)).toBeUndefined();
  });

  it('without a rule is DEFAULT_ROLE; unset, owner on this computer and nobody elsewhere', () => {
    expect(roleOf(ada, settingsWith([]))).toBeUndefined();
    expect(roleOf(local, settingsWith([]))).toBe('owner');
    const withDefault = settingsWith([], { DEFAULT_ROLE: 'viewer' });
    expect(roleOf(ada, withDefault)).toBe('viewer');
    expect(roleOf(local, withDefault)).toBe('viewer');
  });

  it('by a rule is not raised by DEFAULT_ROLE', () => {
    const rules = [{ role: 'viewer', provider: 'acme', groups: ['staff'] }];
    expect(roleOf(ada, settingsWith(rules, { DEFAULT_ROLE: 'admin' }))).toBe('viewer');
  });

  it('is given by a rule for local to local people only', () => {
    const settings = settingsWith([{ role: 'admin', provider: 'local', groups: ['staff'] }]);
    expect(roleOf(local, settings)).toBe('admin');
    expect(roleOf(ada, settings)).toBeUndefined();
  });
});

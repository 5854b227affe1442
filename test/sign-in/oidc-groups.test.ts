import { describe, expect, test } from 'vitest';
import type { Claims } from '../../src/sign-in/oidc-groups';
import { findGroups, findGroupsIn } from '../../src/sign-in/oidc-groups';

function groupsOf(claims: Claims, names: string | string[]): string[] | undefined {
  const { groups, state } = findGroups(claims, names);
  return state === 'known' ? groups : undefined;
}

describe('groups', () => {
  test('prefer the claim of that very name to the path', () => {
    expect(groupsOf({ 'a.b': ['literal'], a: { b: ['path'] } }, 'a.b')).toEqual(['literal']);
    expect(groupsOf({ a: { b: ['path'] } }, 'a.b')).toEqual(['path']);
  });

  test('hold nothing that is not text', () => {
    expect(groupsOf({ groups: ['staff', 7, null, '', { admin: true }] }, 'groups')).toEqual(['staff']);
  });

  test.each(['constructor', '__proto__', 'toString', 'groups.length', 'a.constructor.name'])(
    'are never read from what every object inherits (%s)',
    (claim) => {
      expect(groupsOf({ groups: 'x', a: {} }, claim)).toBeUndefined();
    },
  );

  test('are one group when the claim is text, however many words', () => {
    expect(groupsOf({ groups: 'Human Resources' }, 'groups')).toEqual(['Human Resources']);
  });
});

describe('groups are read from', () => {
  test.each<[string, Claims, string | string[], string[]]>([
    ['text', { groups: 'staff' }, 'groups', ['staff']],
    ['text with commas', { groups: 'staff,dev, ops' }, 'groups', ['staff', 'dev', 'ops']],
    [
      'a list as JSON text',
      { groups: '["staff","Human Resources"]' },
      'groups',
      ['staff', 'Human Resources'],
    ],
    ['objects as JSON text', { groups: '[{"name":"staff"}]' }, 'groups', ['staff']],
    ['a list as Cognito writes it', { groups: '[staff, dev]' }, 'groups', ['staff', 'dev']],
    ['an LDAP name', { groups: 'cn=staff,ou=groups,dc=acme' }, 'groups', ['cn=staff,ou=groups,dc=acme']],
    [
      'objects with a name',
      { groups: [{ name: 'staff' }, { id: 1, name: 'dev' }] },
      'groups',
      ['staff', 'dev'],
    ],
    ['SCIM', { groups: [{ value: '7f3', display: 'Staff' }, { value: '9a1' }] }, 'groups', ['Staff', '9a1']],
    [
      'an object as a set',
      { 'urn:zitadel:iam:org:project:roles': { admin: { '12': 'acme.example' }, ops: {} } },
      'urn:zitadel:iam:org:project:roles',
      ['admin', 'ops'],
    ],
    ['a set of booleans', { roles: { admin: false, staff: true, dev: null } }, 'roles', ['staff']],
    ['realm roles', { realm_access: { roles: ['staff'] } }, 'realm_access.roles', ['staff']],
    [
      'the roles of a client whose id has dots',
      { resource_access: { 'mcp.acme.com': { roles: ['staff'] } } },
      'resource_access.mcp.acme.com.roles',
      ['staff'],
    ],
    [
      'a path below a claim that is a URL',
      { 'https://acme.com/app_metadata': { authorization: { groups: ['staff'] } } },
      'https://acme.com/app_metadata.authorization.groups',
      ['staff'],
    ],
    ['a claim with a colon', { 'cognito:groups': ['staff'] }, 'cognito:groups', ['staff']],
    [
      'several claims',
      { groups: ['staff'], realm_access: { roles: ['staff', 'admin'] } },
      ['groups', 'realm_access.roles', 'wids'],
      ['staff', 'admin'],
    ],
    ['an empty list', { groups: [] }, 'groups', []],
    ['empty text', { groups: '' }, 'groups', []],
  ])('%s', (_what, claims, names, groups) => {
    expect(findGroups(claims, names)).toEqual({ groups, state: 'known' });
  });
});

describe('groups are not known', () => {
  test.each<[string, Claims, string]>([
    ['missing', {}, 'missing'],
    ['missing', { groups: null }, 'missing'],
    ['missing', { _claim_names: { address: 'src1' } }, 'missing'],
    [
      'elsewhere',
      {
        _claim_names: { groups: 'src1' },
        _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x' } },
      },
      'elsewhere',
    ],
    ['elsewhere', { hasgroups: true }, 'elsewhere'],
    ['elsewhere', { hasgroups: 'true' }, 'elsewhere'],
    ['unreadable', { groups: 7 }, 'unreadable'],
    ['unreadable', { groups: true }, 'unreadable'],
  ])('%s: %j', (_what, claims, state) => {
    expect(findGroups(claims, 'groups')).toEqual({ groups: [], state });
  });

  test('by one source, and then they are those of the next', () => {
    const sources = [{ _claim_names: { groups: 'src1' } }, { groups: ['staff'] }];
    expect(findGroupsIn(sources, 'groups')).toEqual({ groups: ['staff'], state: 'known' });
    expect(findGroupsIn([{}, { hasgroups: true }], 'groups').state).toBe('elsewhere');
  });
});

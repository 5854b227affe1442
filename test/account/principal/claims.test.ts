import { describe, expect, it } from 'vitest';
import { claimHolds } from '../../../src/account/principal/claims';
import { claimsInRules } from '../../../src/account/principal/service-accounts';
import { claimAt } from '../../../src/claims';
import { parseSettings } from '../../../src/config/settings';

const claims = {
  repository: 'acme/app',
  groups: ['staff', 'ops'],
  realm_access: { roles: ['job'] },
  'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'deploy' } },
};

describe('claimAt', () => {
  it.each([
    ['repository', 'acme/app'],
    ['realm_access.roles', ['job']],
    ['kubernetes.io.namespace', 'ci'],
    ['kubernetes.io.serviceaccount.name', 'deploy'],
    ['nothing', undefined],
    ['repository.length', undefined],
    ['constructor', undefined],
    ['realm_access.constructor', undefined],
  ])('of %s is %j', (path, value) => {
    expect(claimAt(claims, path)).toEqual(value);
  });
});

describe('claimHolds', () => {
  it.each([
    [{ eq: 'acme/app' }, 'repository', true],
    [{ eq: 'acme' }, 'repository', false],
    [{ ne: 'acme/app' }, 'repository', false],
    [{ contains: 'ops' }, 'groups', true],
    [{ contains: 'op' }, 'groups', false],
    [{ exists: true }, 'nothing', false],
    [{ exists: false }, 'nothing', true],
    [{ eq: 'x' }, 'nothing', false],
    [{ regex: '^acme/' }, 'repository', true],
    [{ eq: 'acme/app', ne: 'acme/app' }, 'repository', false],
  ])('%j of %s: %s', (test, claim, holds) => {
    expect(claimHolds({ claim, ...test }, claims)).toBe(holds);
  });
});

it('what is kept of a token is what its rules ask for, and it still holds', () => {
  const rules = ['repository', 'kubernetes.io.namespace', 'groups'].map((claim) => ({
    claims: [{ claim, exists: true }],
    role: 'viewer',
  }));
  const { settings } = parseSettings({
    TRUSTED_ISSUERS: [{ name: 'jobs', issuer: 'https://jobs.example', rules }],
  });
  const [trusted] = settings.trustedIssuers;
  const kept = trusted ? claimsInRules(trusted, claims) : {};
  expect(kept).toEqual({ repository: 'acme/app', 'kubernetes.io.namespace': 'ci', groups: ['staff', 'ops'] });
  expect(claimHolds({ claim: 'kubernetes.io.namespace', eq: 'ci' }, kept)).toBe(true);
});

describe('claims that are not what rules speak of', () => {
  const deep = JSON.parse(`${'['.repeat(5000)}"a"${']'.repeat(5000)}`);
  const odd: [string, unknown][] = [
    ['an object whose toString is no function', { toString: 1 }],
    ['an object whose toString and valueOf are null', { toString: null, valueOf: null }],
    ['an object', { a: 'acme/app' }],
    ['a list in a list', [['acme/app']]],
    ['a list five thousand deep', deep],
    ['a list of an object', [{ toString: 1 }]],
  ];

  it.each(odd)('are there, and equal, contain and match nothing: %s', (_, value) => {
    const holds = (test: object) => claimHolds({ claim: 'x', ...test }, { x: value });
    expect(holds({ exists: true })).toBe(true);
    expect(holds({ exists: false })).toBe(false);
    for (const text of ['acme/app', '[object Object]', '', 'a', '1']) {
      expect(holds({ eq: text })).toBe(false);
      expect(holds({ contains: text })).toBe(false);
    }
    expect(holds({ regex: '' })).toBe(false);
  });

  it.each(odd)('never pass for “not that one”: %s', (_, value) => {
    expect(claimHolds({ claim: 'x', ne: 'suspended' }, { x: value })).toBe(false);
  });

  it('do no harm next to values that can be read', () => {
    const x = [{ toString: 1 }, null, 'staff', 7, true];
    const holds = (test: object) => claimHolds({ claim: 'x', ...test }, { x });
    expect([holds({ eq: 'staff' }), holds({ eq: '7' }), holds({ contains: 'true' })]).toEqual([
      true,
      true,
      true,
    ]);
    expect(holds({ eq: 'null' })).toBe(false);
    expect(holds({ ne: 'other' })).toBe(false);
  });

  it.each([[null], [undefined], [[]], [[null]]])('are missing when they say nothing: %j', (value) => {
    const holds = (test: object) => claimHolds({ claim: 'x', ...test }, { x: value });
    expect([holds({ exists: true }), holds({ exists: false }), holds({ ne: 'a' })]).toEqual([
      false,
      true,
      true,
    ]);
    expect([holds({ eq: 'null' }), holds({ eq: '' }), holds({ regex: '' })]).toEqual([false, false, false]);
  });

  it('are kept of a token as what they are, and still hold or don’t', () => {
    const rules = [{ claims: odd.map((_, at) => ({ claim: `c${at}`, exists: true })), role: 'viewer' }];
    const { settings } = parseSettings({
      TRUSTED_ISSUERS: [{ name: 'jobs', issuer: 'https://jobs.example', rules }],
    });
    const [trusted] = settings.trustedIssuers;
    if (!trusted) throw new Error('no issuer');
    const given = Object.fromEntries(odd.map(([, value], at) => [`c${at}`, value]));
    const kept = JSON.parse(JSON.stringify(claimsInRules(trusted, given)));
    for (const at of odd.keys()) {
      expect(claimHolds({ claim: `c${at}`, exists: true }, kept)).toBe(true);
      expect(claimHolds({ claim: `c${at}`, ne: 'x' }, kept)).toBe(false);
      expect(claimHolds({ claim: `c${at}`, eq: '[object Object]' }, kept)).toBe(false);
    }
  });
});

describe('a rule about an issuer or an audience means the same by any spelling', () => {
  it.each([
    ['iss', 'https://acme.auth0.com/', 'https://acme.auth0.com'],
    ['iss', 'https://acme.auth0.com', 'HTTPS://Acme.auth0.com:443/'],
    ['issuer', 'https://acme.auth0.com/', 'https://acme.auth0.com'],
    ['aud', 'https://gate.example/', 'https://gate.example'],
  ])('%s %s is %s', (claim, value, text) => {
    expect(claimHolds({ claim, eq: text }, { [claim]: value })).toBe(true);
    expect(claimHolds({ claim, ne: text }, { [claim]: value })).toBe(false);
  });

  it('and other claims are text', () => {
    expect(claimHolds({ claim: 'page', eq: 'https://a.example' }, { page: 'https://a.example/' })).toBe(
      false,
    );
    expect(claimHolds({ claim: 'toString', eq: 'a' }, { toString: 'b' })).toBe(false);
    expect(claimHolds({ claim: 'constructor', eq: 'a' }, { constructor: 'b' })).toBe(false);
  });
});

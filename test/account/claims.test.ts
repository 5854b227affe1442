import { describe, expect, it } from 'vitest';
import { claimAt, claimHolds } from '../../src/account/claims';
import { claimsInRules } from '../../src/account/services';
import { parseSettings } from '../../src/config';

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

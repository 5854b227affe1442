import { describe, expect, it } from 'vitest';
import { includedScopes, SCOPES, scopesWithin } from '../../../src/account/principal/scopes';
import { ROLES } from '../../../src/config/primitives';

const [READ, WRITE, DESTRUCTIVE] = SCOPES;

describe('scopes', () => {
  it.each([
    [[], []],
    [['openid', 'offline_access'], []],
    [[READ], [READ]],
    [[WRITE], [READ, WRITE]],
    [[DESTRUCTIVE], [READ, WRITE, DESTRUCTIVE]],
    [
      [WRITE, READ, 'mcp:everything'],
      [READ, WRITE],
    ],
    [['MCP:READ', 'mcp:read '], []],
  ])('%j include %j', (names, included) => {
    expect(includedScopes(names)).toEqual(included);
  });

  it('are held to the role: viewers read, members change, owners and admins delete', () => {
    const held = ROLES.map((role) => [role, scopesWithin(role, SCOPES)]);
    expect(Object.fromEntries(held)).toEqual({
      viewer: [READ],
      auditor: [READ],
      member: [READ, WRITE],
      owner: [READ, WRITE, DESTRUCTIVE],
      admin: [READ, WRITE, DESTRUCTIVE],
    });
  });

  it('are never widened by a role', () => {
    expect(scopesWithin('admin', [READ])).toEqual([READ]);
    expect(scopesWithin('admin', [])).toEqual([]);
  });
});

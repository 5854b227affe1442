import type { Role } from '../../config';

/**
 * The scopes of MCP resources, each including the ones before it. A tool needs `mcp:read` when it only
 * reads, `mcp:write` when it changes without destroying, else `mcp:destructive`.
 */
export const SCOPES = ['mcp:read', 'mcp:write', 'mcp:destructive'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a request without `scope` gets, and what challenges and resource metadata name. */
export const DEFAULT_SCOPES: readonly Scope[] = ['mcp:read', 'mcp:write'];

/** Listed by the authorization server and accepted in requests; refresh tokens don't depend on it. */
export const OFFLINE_ACCESS = 'offline_access';

const ROLE_REACH: Record<Role, number> = { viewer: 1, auditor: 1, member: 2, owner: 3, admin: 3 };

/** The known scopes among `names`, with all that they include, in order. */
export function includedScopes(names: Iterable<string>): Scope[] {
  const highest = Math.max(-1, ...Array.from(names, (name) => (SCOPES as readonly string[]).indexOf(name)));
  return SCOPES.slice(0, highest + 1);
}

/** The scopes that a role allows, of `scopes`. */
export function scopesWithin(role: Role, scopes: readonly Scope[]): Scope[] {
  const reach = SCOPES.slice(0, ROLE_REACH[role]);
  return reach.filter((scope) => scopes.includes(scope));
}

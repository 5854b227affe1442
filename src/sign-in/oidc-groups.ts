import type { JsonValue } from 'oauth4webapi';
import { claimAt } from '../claims';

/* The groups of a person, wherever and in whatever form a provider puts them (docs/identity-providers.md). */

/** Claims of an ID token or of userinfo (OpenID Connect Core 1.0, section 5.1). */
export type Claims = Readonly<Record<string, JsonValue | undefined>>;

/** What a provider says about somebody's groups. */
export interface FoundGroups {
  groups: string[];
  /**
   * `known`: `groups` are all of them, perhaps none. `elsewhere`: there are too many for the token, which only says
   * where to ask (Entra: `_claim_names`, `hasgroups`). `unreadable`: the claim is there, in a form that isn't groups.
   * `missing`: it isn't there, which doesn't mean that the person has no groups.
   */
  state: 'known' | 'elsewhere' | 'unreadable' | 'missing';
}

/**
 * The groups in the claims that `names` lists. Each is the name of a claim, dots included
 * (`https://acme.example/groups`), or a path (`realm_access.roles`).
 */
export function findGroups(claims: Claims, names: string | readonly string[]): FoundGroups {
  const found = [names].flat().map((name) => groupsIn(claims, name));
  const states = found.map(({ state }) => state);
  const state = (['elsewhere', 'known', 'unreadable'] as const).find((one) => states.includes(one));
  return { groups: [...new Set(found.flatMap(({ groups }) => groups))], state: state ?? 'missing' };
}

/** Of several sources, such as the ID token and userinfo, the first that knows the groups; else what they do say. */
export function findGroupsIn(sources: readonly Claims[], names: string | readonly string[]): FoundGroups {
  const found = sources.map((claims) => findGroups(claims, names));
  const order = ['known', 'elsewhere', 'unreadable'] as const;
  const best = order.map((one) => found.find(({ state }) => state === one)).find((one) => one);
  return best ?? { groups: [], state: 'missing' };
}

function groupsIn(claims: Claims, name: string): FoundGroups {
  const value = claimAt(claims, name);
  if (value === undefined || value === null)
    return { groups: [], state: isElsewhere(claims, name) ? 'elsewhere' : 'missing' };
  const groups = readGroups(value);
  return groups ? { groups, state: 'known' } : { groups: [], state: 'unreadable' };
}

/** Entra, for somebody in more than 200 groups; `_claim_names` is OpenID Connect Core 1.0 section 5.6.2. */
function isElsewhere(claims: Claims, name: string): boolean {
  const names = claims._claim_names;
  if (typeof names === 'object' && names !== null && Object.hasOwn(names, name)) return true;
  return name === 'groups' && ['true', '1'].includes(String(claims.hasgroups).toLowerCase());
}

/** The groups that a claim's value lists; undefined when it isn't a list of groups in any form. */
function readGroups(value: unknown): string[] | undefined {
  if (typeof value === 'string') return readText(value);
  if (Array.isArray(value)) return value.flatMap((one) => nameOf(one) ?? []);
  if (typeof value !== 'object' || value === null) return undefined;
  const only = typeof (value as { name?: unknown }).name === 'string' ? nameOf(value) : undefined;
  return only === undefined ? membersOf(value) : [only];
}

/** The name of a group in a list: text, or an object that has a name (`display`: SCIM, RFC 7643 section 4.1.2). */
function nameOf(group: unknown): string | undefined {
  if (typeof group === 'string') return group === '' ? undefined : group;
  if (typeof group !== 'object' || group === null) return undefined;
  const { name, displayName, display, value } = group as Record<string, unknown>;
  return [name, displayName, display, value].find(
    (text): text is string => typeof text === 'string' && text !== '',
  );
}

/** An object as a set: its members are the groups (Zitadel). One that is `false` or `null` isn't a group. */
function membersOf(set: object): string[] {
  const members = Object.entries(set).filter(
    ([name, value]) => name !== '' && (value === true || (typeof value === 'object' && value !== null)),
  );
  return members.map(([name]) => name);
}

/** An LDAP name such as `cn=staff,ou=groups`, whose commas separate no groups (RFC 4514). */
const DISTINGUISHED_NAME = /^[a-z][a-z0-9.-]*\s*=/i;

/**
 * The groups in a text: one group, several separated by commas, or a list written as text (`["staff"]`; Cognito:
 * `[staff, dev]`). Spaces separate nothing, since the names of groups contain them.
 */
function readText(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const isList = trimmed.startsWith('[') && trimmed.endsWith(']');
  const list = isList ? parseList(trimmed) : undefined;
  if (list) return list.flatMap((one) => nameOf(one) ?? []);
  if (DISTINGUISHED_NAME.test(trimmed)) return [trimmed];
  const inner = isList ? trimmed.slice(1, -1) : trimmed;
  const groups = inner.split(',').map((group) => group.trim());
  return groups.filter((group) => group !== '');
}

function parseList(text: string): unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

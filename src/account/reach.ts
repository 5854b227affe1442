import type { ClaimRule, ServerSetting, Settings } from '../config';
import { type Identity, roleAt } from './identity';

/* Which servers there are for a person. What a person may not know of is absent everywhere. */

/** Whether a person may know of a server: by its `groups`, and the claims that it requires. */
export function mayKnow(server: ServerSetting, identity: Identity): boolean {
  if (server.groups && !server.groups.some((group) => identity.groups.includes(group))) return false;
  return server.require.every((rule) => rule.tools !== undefined || holds(rule, identity));
}

/**
 * The servers that a person may use through the gate, in the order of the settings. A server whose own
 * authorization server judges (`passthrough`) is none of ours.
 */
export function usableServers(settings: Settings, identity: Identity): ServerSetting[] {
  return settings.servers.filter(
    (server) =>
      server.auth !== 'passthrough' && mayKnow(server, identity) && roleAt(identity, server, settings),
  );
}

/** One rule of `require` about the person's claims; a claim that is a list holds when one of it does. */
export function holds(rule: ClaimRule, identity: Identity): boolean {
  const claims: Record<string, unknown> = { ...identity, sub: identity.subject, iss: identity.issuer };
  const value = rule.claim
    .split('.')
    .reduce<unknown>(
      (at, step) =>
        typeof at === 'object' && at !== null && Object.hasOwn(at, step)
          ? (at as Record<string, unknown>)[step]
          : undefined,
      claims,
    );
  const values = (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined).map(String);
  if (rule.exists !== undefined && rule.exists !== values.length > 0) return false;
  if (rule.eq !== undefined && !values.includes(rule.eq)) return false;
  if (rule.ne !== undefined && values.includes(rule.ne)) return false;
  const { contains, regex } = rule;
  if (
    contains !== undefined &&
    !values.some((one) => (Array.isArray(value) ? one === contains : one.includes(contains)))
  ) {
    return false;
  }
  return regex === undefined || values.some((one) => new RegExp(regex).test(one));
}

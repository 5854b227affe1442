import type { ClaimRule, ServerSetting, Settings } from '../../config';
import { claimHolds } from './claims';
import { type Identity, roleAt } from './identity';

/* Which servers there are for a person. What a person may not know of is absent everywhere. */

/** Whether a person may know of a server: by its `groups`, and the claims that it requires. */
export function mayKnow(server: ServerSetting, identity: Identity): boolean {
  if (server.groups && !server.groups.some((group) => identity.groups.includes(group))) return false;
  return server.require.every((rule) => rule.tools !== undefined || holds(rule, identity));
}

/** Whether there are people who may not know of a server: then nothing is said of it before it is known who asks. */
export function isForSome({ groups, require }: ServerSetting): boolean {
  return groups !== undefined || require.some(({ tools }) => tools === undefined);
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

/** One rule of `require` about the principal; what the gate itself says comes before a token's claims. */
export function holds(rule: ClaimRule, identity: Identity): boolean {
  const { claims, ...own } = identity;
  return claimHolds(rule, { ...claims, ...own, sub: identity.subject, iss: identity.issuer });
}

import type { ClaimRule, ServerSetting, Settings } from '../../config';
import { claimHolds } from './claims';
import { type Identity, roleAt } from './identity';

/* Which servers a person may know of and use. For anybody else a server doesn't exist. */

/** Whether a person may know of a server: by its `groups`, and the claims that it requires. */
export function mayKnow(server: ServerSetting, identity: Identity): boolean {
  if (server.groups && !server.groups.some((group) => identity.groups.includes(group))) return false;
  return server.require.every((rule) => rule.tools !== undefined || holds(rule, identity));
}

/** Whether some people may not know of a server. Then nothing public mentions it. */
export function isForSome({ groups, require }: ServerSetting): boolean {
  return groups !== undefined || require.some(({ tools }) => tools === undefined);
}

/**
 * The servers that a person may use with a grant or key, in the order of the settings. A server that has its own
 * authorization server (`passthrough`) isn't among them.
 */
export function usableServers(settings: Settings, identity: Identity): ServerSetting[] {
  return settings.servers.filter(
    (server) =>
      server.auth !== 'passthrough' && mayKnow(server, identity) && roleAt(identity, server, settings),
  );
}

/** Whether a principal satisfies a rule of `require`. The identity's own fields come before a token's claims. */
export function holds(rule: ClaimRule, identity: Identity): boolean {
  const { claims, ...own } = identity;
  return claimHolds(rule, { ...claims, ...own, sub: identity.subject, iss: identity.issuer });
}

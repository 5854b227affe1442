import { createHash } from 'node:crypto';
import { roleAt, type Scope } from '../../account';
import { deploymentOf, type RequestContext, ROLES, type Role, type ServerSetting } from '../../config';
import { type Principal, serversOf } from '../../upstream';

/*
 * A session belongs to a user and a client, who may use several tokens in it: a token with many rights, and one with
 * fewer that was made by token exchange (RFC 8693). So everything that the session keeps of a request (its answer, a
 * question, a subscription) has an audience.
 */

/** Who may see something: tokens of the same user with at least the rights of the token that caused it. */
export interface Audience {
  /** The user id; `''`: every token of the session's owner. */
  user: string;
  granted: readonly Scope[];
  /** The globs over tools that an access key is limited to; undefined: all tools. */
  tools?: readonly string[] | undefined;
  /** The servers that it is about, and the lowest role that is needed at each. */
  servers: readonly (readonly [name: string, role: Role])[];
  /** A hash of what rules in the settings can read of the identity; undefined: the identity doesn't matter. */
  identity?: string | undefined;
}

/** The audience of a message whose request is unknown: no token may see it. */
export const FOR_NOBODY: Audience = { user: '-', granted: [], servers: [] };

/**
 * Reads an audience from its stored JSON. Undefined for `null`: the owner of the session may see it, or it was stored
 * before there were audiences.
 */
export function readAudience(stored: string | null): Audience | undefined {
  return stored === null ? undefined : (JSON.parse(stored) as Audience);
}

/** The audience of what a request of this principal causes. `server`: it is about this server only. */
export function audienceOf(work: RequestContext, principal: Principal, server?: ServerSetting): Audience {
  const { user, granted, tools, identity } = principal;
  const servers = server ? [server] : serversOf({ work, principal });
  const { settings } = deploymentOf(work);
  return {
    user: user.id,
    granted,
    tools,
    servers: servers.flatMap((one) => {
      const role = roleAt(identity, one, settings);
      return role ? [[one.name, role] as const] : [];
    }),
    identity: inShort([identity.provider, identity.groups, identity.claims]),
  };
}

/** The audience of a change of a server's lists: every token of the user that may use the server. */
export function audienceOfServer({ name }: ServerSetting, { user }: Principal): Audience {
  return { user: user.id, granted: [], servers: [[name, ROLES[0]]] };
}

/** The same audience without the roles, which may change while a request is pending; the token's rights can't. */
export function byTokenAlone({ user, granted, tools }: Audience): Audience {
  return { user, granted, tools, servers: [] };
}

/** Whether this principal is in an audience. */
export function isFor(work: RequestContext, principal: Principal, audience: Audience): boolean {
  const own = audienceOf(work, principal);
  const roles = new Map(own.servers);
  const hasRole = ([name, role]: readonly [string, Role]) => {
    const here = roles.get(name);
    return here !== undefined && ROLES.indexOf(here) >= ROLES.indexOf(role);
  };
  return (
    (audience.user === '' || audience.user === own.user) &&
    audience.granted.every((scope) => own.granted.includes(scope)) &&
    (own.tools === undefined || (audience.tools?.every((glob) => own.tools?.includes(glob)) ?? false)) &&
    audience.servers.every(hasRole) &&
    (audience.identity === undefined || audience.identity === own.identity)
  );
}

function inShort(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

import { createHash } from 'node:crypto';
import { roleAt, type Scope } from '../../account';
import { deploymentOf, type RequestContext, ROLES, type Role, type ServerSetting } from '../../config';
import { type Principal, serversOf } from '../../upstream';

/*
 * A session belongs to a user and a client, who may have several tokens in it: a wide one, and a narrower one by
 * token exchange. So all that the session keeps of a request (its answer, a question, what is watched) says for
 * whom it is.
 */

/** For whom something is: for a token of the same user that may do at least as much as the one that caused it. */
export interface Audience {
  /** '': whoever the session belongs to. */
  user: string;
  granted: readonly Scope[];
  /** Globs that an access key is held to; undefined: all tools. */
  tools?: readonly string[] | undefined;
  /** The servers that it is about, and the role at each. */
  servers: readonly (readonly [name: string, role: Role])[];
  /** What the rules of the settings can ask of the identity, in short; undefined: it doesn't matter. */
  identity?: string | undefined;
}

/** For no token at all: what came of a request that nobody knows. */
export const FOR_NOBODY: Audience = { user: '-', granted: [], servers: [] };

/** An audience as it is stored; `null`: it is for whoever the session belongs to, or older than audiences. */
export function readAudience(stored: string | null): Audience | undefined {
  return stored === null ? undefined : (JSON.parse(stored) as Audience);
}

/** For whom something is that a request of the principal caused; `server`: that is of this server alone. */
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

/** For whom a change of a server's lists is: whoever may use that server. */
export function audienceOfServer({ name }: ServerSetting, { user }: Principal): Audience {
  return { user: user.id, granted: [], servers: [[name, ROLES[0]]] };
}

/** The same, for as much of it as is in the token: a role may change while a request is under way. */
export function byTokenAlone({ user, granted, tools }: Audience): Audience {
  return { user, granted, tools, servers: [] };
}

/** Whether something is for this principal. */
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

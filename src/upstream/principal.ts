import { highestRole, type Identity, roleAt, type Scope, scopesWithin, type User } from '../account';
import { actor } from '../audit';
import type { Deployment, Role, ServerSetting } from '../config';

/** Who a request acts for, and what it may do. */
export interface Principal {
  user: User;
  identity: Identity;
  client: { id: string; name: string };
  /** The grant's id, or the access key's. */
  grantId: string;
  /** The scopes of the token. */
  granted: Scope[];
  /** The same, limited to the role. */
  scope: Scope[];
  /** The names of the servers in the grant. */
  servers: string[];
  /** The server whose own endpoint is used; undefined: `/mcp`. */
  server?: string | undefined;
  /** The globs over `{server}_{tool}` that an access key is limited to; undefined: all tools. */
  tools?: string[] | undefined;
  role: Role;
  /** The end of the grant or key; seconds since the epoch. */
  expires_at: number;
}

/** The principal before sign-in: it has no rights. */
export const ANONYMOUS: Principal = {
  user: { id: '', name: '', email: undefined, email_verified: false },
  identity: {
    provider: '',
    issuer: '',
    subject: '',
    name: '',
    email: undefined,
    email_verified: false,
    groups: [],
  },
  client: { id: '', name: '' },
  grantId: '',
  granted: [],
  scope: [],
  servers: [],
  role: 'viewer',
  expires_at: 0,
};

/** Whether a principal is {@link ANONYMOUS}. */
export function isAnonymous({ user }: Principal): boolean {
  return user.id === '';
}

/** Who a principal is, for the audit log. */
export function aboutPrincipal({ user, client, grantId }: Principal) {
  return { ...actor(user.id, user), client: client.id, client_name: client.name, grant: grantId };
}

/**
 * A principal limited to its role at one server, which may be lower than its highest role. Without a role: no scope.
 */
export function principalAt(
  { settings }: Deployment,
  principal: Principal,
  server: ServerSetting,
): Principal {
  const role = roleAt(principal.identity, server, settings);
  if (!role) return { ...principal, role: 'viewer', scope: [] };
  return { ...principal, role, scope: scopesWithin(role, principal.granted) };
}

/** A principal with the current identity of its user; undefined when the user has no role any more. */
export function asKnownNow(
  principal: Principal,
  identity: Identity,
  { settings }: Deployment,
): Principal | undefined {
  const server = settings.servers.find(({ name }) => name === principal.server);
  const role = server ? roleAt(identity, server, settings) : highestRole(identity, settings);
  if (!role) return undefined;
  const { name, email, email_verified } = identity;
  const user = { id: principal.user.id, name, email, email_verified };
  return { ...principal, user, identity, role, scope: scopesWithin(role, principal.granted) };
}

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
  /** What the token carries. */
  granted: Scope[];
  /** The same, held to the role. */
  scope: Scope[];
  servers: string[];
  /** The server at whose own endpoint they are; undefined: at `/mcp`. */
  server?: string | undefined;
  /** Globs over `{server}_{tool}` that an access key is held to; undefined: all. */
  tools?: string[] | undefined;
  role: Role;
  /** The end of the grant or key; seconds since the epoch. */
  expires_at: number;
}

/** Whoever has not signed in yet: nothing is theirs. */
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

export function isAnonymous({ user }: Principal): boolean {
  return user.id === '';
}

/** Who a principal is, for the trail. */
export function aboutPrincipal({ user, client, grantId }: Principal) {
  return { ...actor(user.id, user), client: client.id, client_name: client.name, grant: grantId };
}

/** The principal as one server is told of it: held to the role there, which may be lower than the highest. */
export function principalAt(
  { settings }: Deployment,
  principal: Principal,
  server: ServerSetting,
): Principal {
  const role = roleAt(principal.identity, server, settings);
  if (!role) return { ...principal, role: 'viewer', scope: [] };
  return { ...principal, role, scope: scopesWithin(role, principal.granted) };
}

/** The principal with what the provider says now of its user; undefined when nobody with a role is left. */
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

import type { Context } from 'hono';
import {
  type Access,
  findAccount,
  highestRole,
  type Identity,
  includedScopes,
  roleAt,
  type Scope,
  scopesWithin,
  type User,
} from '../account';
import type { Role, ServerSetting } from '../config';
import { needsConnection, wantedAt } from '../connections';
import { sha256Hex } from '../crypto';
import { mayPassFrom } from '../limits';
import { ok, type Result, refuse } from '../result';
import { checkDomain } from '../sign-in';
import { type Site, siteOf } from '../site';
import { type CredentialRefusal, readCredential } from './credentials';
import { rememberCredential } from './server-credentials';

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

type AccountStub = NonNullable<Awaited<ReturnType<typeof findAccount>>>;

/** Whoever has not signed in yet: nothing is theirs. */
export const NOBODY: Principal = {
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

export function isNobody({ user }: Principal): boolean {
  return user.id === '';
}

export type { CredentialRefusal } from './credentials';

/**
 * The principal behind a request for a resource, by access token or access key: one call of its `Account`, and
 * no object for one that this deployment didn't make. `server`: whose resource it is, if it is one's; the same
 * call then brings the user's own credential for it, where it needs one. `headers`: where the credential is.
 */
export async function identify(
  c: Context,
  resource: string,
  server?: ServerSetting,
  headers: Headers = c.req.raw.headers,
): Promise<Result<Principal>> {
  const site = siteOf(c);
  const credential = readCredential(headers);
  if (!credential.ok) return credential;
  const { text, userId, id } = credential.value;
  const account = await findAccount(site.env, site.keyring, userId);
  if (!account) return refuse<CredentialRefusal>('token_not_ours');
  if (!(await mayPassFrom(c, 'requests', userId))) return refuse<CredentialRefusal>('rate_requests');
  const found = await authenticate(c, account, id, await sha256Hex(text), server);
  if (!found.ok) return found.error.reason === 'sso_required' ? refuse('sso_required', userId) : found;

  const { user_id, identity, grant, scope, tools } = found.value;
  const { settings } = site;
  const role = server ? roleAt(identity, server, settings) : highestRole(identity, settings);
  if (grant.resource !== undefined && place(site, grant.resource) !== place(site, resource)) {
    return refuse<CredentialRefusal>('token_for_other_resource', grant.resource);
  }
  // A key is another way in: not for those whose addresses come in by one provider only.
  if (grant.resource === undefined && !checkDomain(identity, settings.signIn.oidc).ok) {
    return refuse<CredentialRefusal>('sso_required', user_id);
  }
  if (!role) return refuse<CredentialRefusal>('role_missing', user_id);
  const { name, email, email_verified } = identity;
  const granted = includedScopes(scope);
  return ok({
    user: { id: user_id, name, email, email_verified },
    identity,
    client: { id: grant.client_id, name: grant.client_name },
    grantId: grant.id,
    granted,
    scope: scopesWithin(role, granted),
    servers: grant.servers,
    ...(server && { server: server.name }),
    tools,
    role,
    expires_at: grant.expires_at,
  });
}

/** Who a principal is, for the trail. */
export function aboutPrincipal({ user, client, grantId }: Principal) {
  return { user: user.id, client: client.id, grant: grantId };
}

/** The principal as one server is told of it: held to the role there, which may be lower than the highest. */
export function principalAt({ settings }: Site, principal: Principal, server: ServerSetting): Principal {
  const role = roleAt(principal.identity, server, settings);
  if (!role) return { ...principal, role: 'viewer', scope: [] };
  return { ...principal, role, scope: scopesWithin(role, principal.granted) };
}

/** The principal with what the provider says now of its user; undefined when nobody with a role is left. */
export function asKnownNow(
  principal: Principal,
  identity: Identity,
  { settings }: Site,
): Principal | undefined {
  const server = settings.servers.find(({ name }) => name === principal.server);
  const role = server ? roleAt(identity, server, settings) : highestRole(identity, settings);
  if (!role) return undefined;
  const { name, email, email_verified } = identity;
  const user = { id: principal.user.id, name, email, email_verified };
  return { ...principal, user, identity, role, scope: scopesWithin(role, principal.granted) };
}

/** One call of the object, which brings the credential for the server too, where there is need of one. */
async function authenticate(
  c: Context,
  account: AccountStub,
  grantId: string,
  hash: string,
  server: ServerSetting | undefined,
): Promise<Result<Access>> {
  if (!server || !needsConnection(server)) return account.authenticate(grantId, hash);
  const found = await account.authenticateWith(grantId, hash, wantedAt(siteOf(c), server));
  if (found.ok) {
    const { user_id, credential } = found.value;
    rememberCredential(siteOf(c), user_id, server.name, credential);
  }
  return found;
}

/** The origin and `/mcp` are two resources at one place: clients compare the URL that they were given. */
function place({ origin }: Site, resource: string): string {
  return resource === origin ? `${origin}/mcp` : resource;
}

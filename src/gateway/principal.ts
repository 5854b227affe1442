import type { Context } from 'hono';
import {
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
import { sha256Hex } from '../crypto';
import { ok, type Result, refuse } from '../result';
import { checkDomain } from '../sign-in';
import { type Site, siteOf } from '../site';
import { type CredentialRefusal, readCredential } from './credentials';

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
  /** Globs over `{server}_{tool}` that an access key is held to; undefined: all. */
  tools?: string[] | undefined;
  role: Role;
  /** The end of the grant or key; seconds since the epoch. */
  expires_at: number;
}

export type { CredentialRefusal } from './credentials';

/**
 * The principal behind a request for a resource, by access token or access key: one call of its `Account`, and
 * no object for one that this deployment didn't make. `server`: whose resource it is, if it is one's.
 */
export async function identify(
  c: Context,
  resource: string,
  server?: ServerSetting,
): Promise<Result<Principal>> {
  const site = siteOf(c);
  const credential = readCredential(c.req.raw.headers);
  if (!credential.ok) return credential;
  const { text, userId, id } = credential.value;
  const account = await findAccount(site.env, site.keyring, userId);
  if (!account) return refuse<CredentialRefusal>('token_not_ours');
  const found = await account.authenticate(id, await sha256Hex(text));
  if (!found.ok) return found;

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
    tools,
    role,
    expires_at: grant.expires_at,
  });
}

/** The origin and `/mcp` are two resources at one place: clients compare the URL that they were given. */
function place({ origin }: Site, resource: string): string {
  return resource === origin ? `${origin}/mcp` : resource;
}

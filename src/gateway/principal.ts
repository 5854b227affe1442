import type { Context } from 'hono';
import {
  type Access,
  findAccount,
  highestRole,
  type Identity,
  includedScopes,
  parseToken,
  roleAt,
  type Scope,
  scopesWithin,
  type User,
} from '../account';
import type { Role, ServerSetting } from '../config';
import { needsConnection, wantedAt } from '../connections';
import { sha256Hex } from '../crypto';
import { ok, type Result, refuse } from '../result';
import { type Site, siteOf } from '../site';
import { rememberCredential } from './credentials';

/** Who a request acts for, and what it may do. */
export interface Principal {
  user: User;
  identity: Identity;
  client: { id: string; name: string };
  grantId: string;
  /** What the token carries. */
  granted: Scope[];
  /** The same, held to the role. */
  scope: Scope[];
  servers: string[];
  role: Role;
  /** The grant's end; seconds since the epoch. */
  expires_at: number;
}

type AccountStub = NonNullable<Awaited<ReturnType<typeof findAccount>>>;

export type CredentialRefusal =
  | 'credential_missing'
  | 'credential_malformed'
  | 'token_not_ours'
  | 'token_unknown'
  | 'grant_unknown'
  | 'token_for_other_resource'
  | 'role_missing';

/**
 * The principal behind a request for a resource (RFC 6750 section 2.1): one call of its `Account`, and no
 * object for a token that this deployment didn't make. `server`: whose resource it is, if it is one's; the same
 * call then brings the user's own credential for it, where it needs one.
 */
export async function identify(
  c: Context,
  resource: string,
  server?: ServerSetting,
): Promise<Result<Principal>> {
  const site = siteOf(c);
  const header = c.req.header('authorization');
  if (header === undefined) return refuse<CredentialRefusal>('credential_missing');
  const token = /^bearer +([^\s]+)$/i.exec(header)?.[1];
  if (token === undefined) return refuse<CredentialRefusal>('credential_malformed');
  const parts = parseToken(token);
  const account = parts && (await findAccount(site.env, site.keyring, parts.userId));
  if (!account) return refuse<CredentialRefusal>('token_not_ours');
  const hash = await sha256Hex(token);
  const found = await authenticate(c, account, parts.grantId, hash, server);
  if (!found.ok) return found;

  const { identity, grant, scope } = found.value;
  const { settings } = site;
  const role = server ? roleAt(identity, server, settings) : highestRole(identity, settings);
  if (place(site, grant.resource) !== place(site, resource)) {
    return refuse<CredentialRefusal>('token_for_other_resource', grant.resource);
  }
  if (!role) return refuse<CredentialRefusal>('role_missing', parts.userId);
  const { name, email, email_verified } = identity;
  const granted = includedScopes(scope);
  return ok({
    user: { id: parts.userId, name, email, email_verified },
    identity,
    client: { id: grant.client_id, name: grant.client_name },
    grantId: grant.id,
    granted,
    scope: scopesWithin(role, granted),
    servers: grant.servers,
    role,
    expires_at: grant.expires_at,
  });
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
  if (found.ok) rememberCredential(siteOf(c), server.name, found.value.credential);
  return found;
}

/** The origin and `/mcp` are two resources at one place: clients compare the URL that they were given. */
function place({ origin }: Site, resource: string): string {
  return resource === origin ? `${origin}/mcp` : resource;
}

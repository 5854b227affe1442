import type { Context } from 'hono';
import { type Access, findAccount, highestRole, includedScopes, roleAt, scopesWithin } from '../../account';
import { deploymentOf, type ServerSetting } from '../../config';
import { sha256Hex } from '../../crypto';
import { mayPassFrom } from '../../limits';
import { isSameResource, parseResource, type Resource } from '../../resource';
import { ok, type Result, refuse } from '../../result';
import { checkDomain } from '../../sign-in';
import { needsConnection, type Principal, rememberCredential, wantedAt } from '../../upstream';
import { type PresentedCredentialRefusal, readCredential } from './credentials';

/**
 * The principal behind a request for a resource, by access token or access key: one call of its `Account`, and
 * no object for one that this deployment didn't make. `server`: whose resource it is, if it is one's; the same
 * call then brings the user's own credential for it, where it needs one. `headers`: where the credential is.
 */
export async function identify(
  c: Context,
  resource: Resource,
  server?: ServerSetting,
  headers: Headers = c.req.raw.headers,
): Promise<Result<Principal>> {
  const deployment = deploymentOf(c);
  const credential = readCredential(headers);
  if (!credential.ok) return credential;
  const { text, userId, id } = credential.value;
  const account = await findAccount(deployment, userId);
  if (!account) return refuse<PresentedCredentialRefusal>('token_not_ours');
  if (!(await mayPassFrom(c, 'requests', userId))) return refuse<PresentedCredentialRefusal>('rate_requests');
  const found = await authenticate(c, account, id, await sha256Hex(text), server);
  if (!found.ok) return found.error.reason === 'sso_required' ? refuse('sso_required', userId) : found;

  const { user_id, identity, grant, scope, tools } = found.value;
  const { settings } = deployment;
  const role = server ? roleAt(identity, server, settings) : highestRole(identity, settings);
  if (grant.resource !== undefined && !isSameResource(parseResource(deployment, grant.resource), resource)) {
    return refuse<PresentedCredentialRefusal>('token_for_other_resource', grant.resource);
  }
  // A key is another way in: not for those whose addresses come in by one provider only.
  if (grant.resource === undefined && !checkDomain(identity, settings.signIn.oidc).ok) {
    return refuse<PresentedCredentialRefusal>('sso_required', user_id);
  }
  if (!role) return refuse<PresentedCredentialRefusal>('role_missing', user_id);
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

export type AccountStub = NonNullable<Awaited<ReturnType<typeof findAccount>>>;

/** One call of the object, which brings the credential for the server too, where there is need of one. */
export async function authenticate(
  c: Context,
  account: AccountStub,
  grantId: string,
  hash: string,
  server: ServerSetting | undefined,
): Promise<Result<Access>> {
  if (!server || !needsConnection(server)) return account.authenticate(grantId, hash);
  const found = await account.authenticateWith(grantId, hash, wantedAt(deploymentOf(c), server));
  if (found.ok) {
    const { user_id, credential } = found.value;
    rememberCredential(deploymentOf(c), user_id, server.name, credential);
  }
  return found;
}

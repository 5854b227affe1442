import type { Context } from 'hono';
import { type Access, findAccount, highestRole, includedScopes, roleAt, scopesWithin } from '../../account';
import { deploymentOf, type ServerSetting } from '../../config';
import { sha256Hex } from '../../crypto';
import { mayPassFrom } from '../../limits';
import { isSameResource, parseResource, type Resource } from '../../resource';
import { ok, type Result, refuse } from '../../result';
import { checkDomain } from '../../sign-in';
import { credentialsOf, needsConnection, type Principal, wantedAt } from '../../upstream';
import { type CredentialRefusal, readCredential } from './credentials';

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
): Promise<Result<Principal, CredentialRefusal>> {
  const deployment = deploymentOf(c);
  const credential = readCredential(headers);
  if (!credential.ok) return credential;
  const { text, userId, id } = credential.value;
  const account = await findAccount(deployment, userId);
  if (!account) return refuse('token_not_ours');
  if (!(await mayPassFrom(c, 'requests', userId))) return refuse('rate_requests');
  const found = await authenticate(c, { account, id, hash: await sha256Hex(text) }, server);
  if (!found.ok) {
    // What an account refuses a credential for is among our reasons.
    const error = found.error as CredentialRefusal;
    return error.reason === 'sso_required' ? refuse('sso_required', userId) : { ok: false, error };
  }

  const { user_id, identity, grant, scope, tools } = found.value;
  const { settings } = deployment;
  const role = server ? roleAt(identity, server, settings) : highestRole(identity, settings);
  if (grant.resource !== undefined && !isSameResource(parseResource(deployment, grant.resource), resource)) {
    return refuse('token_for_other_resource', grant.resource);
  }
  // A key is another way in: not for those whose addresses come in by one provider only.
  if (grant.resource === undefined && !checkDomain(identity, settings.signIn.oidc).ok) {
    return refuse('sso_required', user_id);
  }
  if (!role) return refuse('role_missing', user_id);
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

type AccountStub = NonNullable<Awaited<ReturnType<typeof findAccount>>>;

/** A credential as its account is asked about it: the id of its grant or key, and the hash of its text. */
interface Presented {
  account: AccountStub;
  id: string;
  hash: string;
}

/**
 * One call of the object. It brings the user's own credential for the server too, where there is need of one: that
 * goes on in the request's context.
 */
async function authenticate(
  c: Context,
  { account, id, hash }: Presented,
  server: ServerSetting | undefined,
): Promise<Result<Access>> {
  if (!server || !needsConnection(server)) return account.authenticate(id, hash);
  const found = await account.authenticateWith(id, hash, wantedAt(deploymentOf(c), server));
  if (found.ok) credentialsOf(c).remember(found.value.user_id, server.name, found.value.credential);
  return found;
}

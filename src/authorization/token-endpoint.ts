import type { Context } from 'hono';
import { type Access, findAccount, parseToken, type Terms, type TokenAnswer } from '../account';
import { record } from '../audit';
import { sha256Hex } from '../crypto';
import { NO_STORE, readForm, repeatedNames } from '../http';
import type { Result } from '../result';
import { type Site, siteOf } from '../site';
import type { Client } from './client';
import { type AuthenticatedClient, authenticateClient } from './client-authentication';
import { renewRegistration } from './clients';
import { resourcesOf } from './metadata';

type Grant = (c: Context, request: AuthenticatedClient) => Promise<TokenAnswer>;

/** The token endpoint by `grant_type`. */
const GRANTS: Record<string, Grant> = {
  authorization_code: async (c, { client, form }) => present(c, client, form, 'code'),
  refresh_token: async (c, { client, form }) => present(c, client, form, 'refresh_token'),
};

/** `POST /oauth/token` (RFC 6749 section 3.2). */
export async function token(c: Context): Promise<Response> {
  const request = await readClientRequest(c);
  if (request instanceof Response) return request;
  const { client, form } = request;
  const grantType = form.grant_type ?? '';
  const grant = Object.hasOwn(GRANTS, grantType) ? GRANTS[grantType] : undefined;
  let answer: TokenAnswer;
  if (grantType === '')
    answer = oauthError('invalid_request', 'grant_type is required', 'grant_type_missing');
  else if (grant) answer = await grant(c, request);
  else answer = oauthError('unsupported_grant_type', 'Grant type not supported', 'grant_type_unknown');

  const { reason, status, body } = answer;
  const outcome = status === 200 ? 'ok' : 'refused';
  const event = grantType === 'refresh_token' ? 'token_refreshed' : 'token_issued';
  const parts = parseToken(String(form.code ?? form.refresh_token ?? ''));
  record(c, { event, outcome, reason, client: client.client_id, user: parts?.userId, grant: parts?.grantId });
  if (status === 200) c.executionCtx.waitUntil(renewRegistration(siteOf(c), client));
  return c.json(body, status as 200, NO_STORE);
}

/** `POST /oauth/revoke` (RFC 7009): 200 whether or not there was such a token of this client. */
export async function revoke(c: Context): Promise<Response> {
  const request = await readClientRequest(c);
  if (request instanceof Response) return request;
  const { client, form } = request;
  if (!form.token) return sendError(c, oauthError('invalid_request', 'token is required', 'token_missing'));
  const parts = parseToken(form.token);
  const account = parts && (await findAccount(c.env, siteOf(c).keyring, parts.userId));
  if (account) {
    const revoked = await account.revokeToken(parts.grantId, await sha256Hex(form.token), client.client_id);
    const outcome = revoked ? 'ok' : 'refused';
    const { userId: user, grantId: grant } = parts;
    record(c, { event: 'token_revoked', outcome, client: client.client_id, user, grant });
  }
  return c.body(null, 200, NO_STORE);
}

/** `POST /oauth/introspect` (RFC 7662), by a confidential client, of tokens issued to it. */
export async function introspect(c: Context): Promise<Response> {
  const request = await readClientRequest(c);
  if (request instanceof Response) return request;
  const { client, form, method } = request;
  if (method === 'none') {
    const why = 'Only a client with credentials can introspect';
    return sendError(c, {
      ...oauthError('invalid_client', why, 'introspection_by_public_client'),
      status: 401,
    });
  }
  if (!form.token) return sendError(c, oauthError('invalid_request', 'token is required', 'token_missing'));
  const parts = parseToken(form.token);
  const account = parts && (await findAccount(c.env, siteOf(c).keyring, parts.userId));
  const found: Result<Access> | undefined =
    account && (await account.introspect(parts.grantId, await sha256Hex(form.token)));
  const own = found?.ok && found.value.grant.client_id === client.client_id;
  if (!own) return c.json({ active: false }, 200, NO_STORE);
  const { user_id, grant, scope, identity, issued_at: iat, expires_at: exp } = found.value;
  return c.json(
    {
      active: true,
      scope: scope.join(' '),
      client_id: grant.client_id,
      username: identity.name,
      sub: user_id,
      aud: grant.resource,
      iss: siteOf(c).origin,
      iat,
      exp,
    },
    200,
    NO_STORE,
  );
}

/** What the account needs to know of the deployment to issue. */
export function termsOf(site: Site): Terms {
  const { tokens, signIn } = site.settings;
  return { origin: site.origin, resources: resourcesOf(site), tokens, providers: signIn.oidc };
}

/** Takes a code or refresh token to the account that it names, if this deployment made it. */
async function present(
  c: Context,
  client: Client,
  form: Record<string, string>,
  name: 'code' | 'refresh_token',
): Promise<TokenAnswer> {
  const secret = form[name];
  if (!secret) return oauthError('invalid_request', `${name} is required`, `${name}_missing`);
  if (!client.grant_types.includes('authorization_code')) {
    return oauthError(
      'unauthorized_client',
      'The client is not registered for this grant',
      'grant_type_not_registered',
    );
  }
  const parts = parseToken(secret);
  const site = siteOf(c);
  const account = parts && (await findAccount(site.env, site.keyring, parts.userId));
  if (!account) return oauthError('invalid_grant', 'The grant is not valid', `${name}_malformed`);
  const { client_id, redirect_uris, grant_types, response_types } = client;
  const presented = {
    client: { client_id, redirect_uris, grant_types, response_types },
    grantId: parts.grantId,
    secret,
    form,
  };
  return name === 'code'
    ? account.redeemCode(termsOf(site), presented)
    : account.rotateRefresh(termsOf(site), presented);
}

/** The checks that all three endpoints begin with: form, parameters once each, client. */
async function readClientRequest(c: Context): Promise<AuthenticatedClient | Response> {
  const form = await readForm(c.req.raw);
  if (!form.ok) {
    const what = 'The body must be application/x-www-form-urlencoded, at most 64 kB';
    return sendError(c, oauthError('invalid_request', what, form.error.reason));
  }
  const [repeated] = repeatedNames(form.value);
  if (repeated !== undefined) {
    const what = 'A parameter is there more than once';
    return sendError(c, oauthError('invalid_request', what, 'parameter_repeated'));
  }
  const authenticated = await authenticateClient(siteOf(c), c.req.raw, form.value);
  if (authenticated.ok) return authenticated.value;
  const { error, error_description, reason, detail, challenge } = authenticated.error;
  record(c, { event: 'client_authentication', outcome: 'refused', reason, detail });
  const headers = { ...NO_STORE, ...(challenge ? { 'WWW-Authenticate': 'Basic realm="gatehouse"' } : {}) };
  return c.json({ error, error_description }, error === 'invalid_client' ? 401 : 400, headers);
}

function oauthError(error: string, error_description: string, reason: string): TokenAnswer {
  return { status: 400, body: { error, error_description }, reason };
}

function sendError(c: Context, { status, body, reason }: TokenAnswer): Response {
  record(c, { event: 'token_endpoint', outcome: 'refused', reason });
  return c.json(body, status as 400, NO_STORE);
}

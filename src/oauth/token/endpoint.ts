import type { Context } from 'hono';
import { findAccount, parseToken } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { sha256Hex } from '../../crypto';
import { NO_STORE } from '../../http';
import { resourceNamed } from '../../resource';
import { refuse } from '../../result';
import { readClientRequest, sendRefusal } from '../clients/client-request';
import { renewRegistration } from '../clients/clients';
import { deviceCode } from '../device/grant';
import { type Client, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE } from '../protocol/client';
import { toOAuthError } from '../protocol/oauth-error';
import {
  type AuthenticatedRequest,
  forClient,
  type GrantHandler,
  issuerConfigOf,
  type TokenResponse,
} from '../protocol/token-request';
import { clientCredentials } from './client-credentials';
import { exchange } from './exchange';
import { redeemTrusted } from './trusted';

/** The token endpoint by `grant_type`. */
const GRANTS: Record<string, GrantHandler> = {
  authorization_code: forClient(async (c, { client, form }) => present(c, client, form, 'code')),
  refresh_token: forClient(async (c, { client, form }) => present(c, client, form, 'refresh_token')),
  client_credentials: forClient(clientCredentials),
  [DEVICE_CODE]: forClient(deviceCode),
  [TOKEN_EXCHANGE]: exchange,
  [JWT_BEARER]: async (c, request) => {
    const { assertion } = request.form;
    if (!assertion) return refuse('assertion_missing');
    return redeemTrusted(deploymentOf(c), assertion, 'assertion', request);
  },
};

/** Grant types that need no client: the presented token is proof enough (RFC 8693, RFC 7523 section 2.1). */
const WITHOUT_CLIENT = [TOKEN_EXCHANGE, JWT_BEARER];

/** `POST /oauth/token` (RFC 6749 section 3.2): 200 with tokens, or the OAuth error of the refusal. */
export async function token(c: Context): Promise<Response> {
  const request = await readClientRequest(c, namesNoClient);
  if (!request.ok) return sendRefusal(c, request.error);
  const { client, form } = request.value;
  // The library compares spellings.
  const named = form.resource === undefined ? undefined : resourceNamed(deploymentOf(c), form.resource);
  if (named?.ok) form.resource = named.value.url;
  const issued = await grantHandlerOf(form.grant_type)(c, request.value);
  recordIssue(c, request.value, issued);
  if (!issued.ok) {
    const { status, ...body } = toOAuthError(issued.error);
    return c.json(body, status, NO_STORE);
  }
  if (client) c.executionCtx.waitUntil(renewRegistration(deploymentOf(c), client));
  return c.json(issued.value, 200, NO_STORE);
}

/** The handler of a grant type; one that refuses where there is none (`grant_type_missing`, `grant_type_unknown`). */
function grantHandlerOf(grantType: string | undefined): GrantHandler {
  if (grantType === undefined) return async () => refuse('grant_type_missing');
  const handler = Object.hasOwn(GRANTS, grantType) ? GRANTS[grantType] : undefined;
  return handler ?? (async () => refuse('grant_type_unknown'));
}

function recordIssue(c: Context, { client, form }: AuthenticatedRequest, issued: TokenResponse): void {
  const { reason, detail } = issued.ok ? {} : issued.error;
  // A device asks every few seconds.
  if (reason === 'authorization_pending') return;
  const outcome = issued.ok ? 'ok' : 'refused';
  const event = form.grant_type === 'refresh_token' ? 'token_refreshed' : 'token_issued';
  const access_token = issued.ok ? issued.value.access_token : '';
  const parts = parseToken(form.code ?? form.refresh_token ?? access_token);
  const { userId: user, grantId } = parts ?? {};
  record(c, { event, outcome, reason, detail, client: client?.client_id, user, grant: grantId });
}

/** Whether a request names no client, and doesn't have to. */
function namesNoClient(request: Request, form: URLSearchParams): boolean {
  const named = ['client_id', 'client_secret', 'client_assertion'].some((name) => form.get(name));
  if (named || request.headers.has('authorization')) return false;
  return WITHOUT_CLIENT.includes(form.get('grant_type') ?? '');
}

/** `POST /oauth/revoke` (RFC 7009): 200, also when this client has no such token. */
export async function revoke(c: Context): Promise<Response> {
  const request = await readClientRequest(c);
  if (!request.ok) return sendRefusal(c, request.error);
  const { client, form } = request.value;
  if (!form.token) return sendRefusal(c, { reason: 'token_missing' });
  const parts = parseToken(form.token);
  const account = parts && (await findAccount(deploymentOf(c), parts.userId));
  if (account) {
    const revoked = await account.revokeToken(parts.grantId, await sha256Hex(form.token), client.client_id);
    const outcome = revoked ? 'ok' : 'refused';
    const { userId: user, grantId: grant } = parts;
    record(c, { event: 'token_revoked', outcome, client: client.client_id, user, grant });
  }
  return c.body(null, 200, NO_STORE);
}

/** `POST /oauth/introspect` (RFC 7662): for confidential clients, about their own tokens. */
export async function introspect(c: Context): Promise<Response> {
  const request = await readClientRequest(c);
  if (!request.ok) return sendRefusal(c, request.error);
  const { client, form, method } = request.value;
  if (method === 'none') return sendRefusal(c, { reason: 'introspection_by_public_client' });
  if (!form.token) return sendRefusal(c, { reason: 'token_missing' });
  const parts = parseToken(form.token);
  const account = parts && (await findAccount(deploymentOf(c), parts.userId));
  const found = account && (await account.introspect(parts.grantId, await sha256Hex(form.token)));
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
      iss: deploymentOf(c).origin,
      iat,
      exp,
    },
    200,
    NO_STORE,
  );
}

/** Presents a code or refresh token to the account that it names, if this deployment made it. */
async function present(
  c: Context,
  client: Client,
  form: Record<string, string>,
  name: 'code' | 'refresh_token',
): Promise<TokenResponse> {
  const secret = form[name];
  if (!secret) return refuse(`${name}_missing`);
  // A device's refresh tokens come from another grant than a code.
  const needed =
    name === 'code' ? ['authorization_code'] : ['authorization_code', 'refresh_token', DEVICE_CODE];
  if (!client.grant_types.some((type) => needed.includes(type))) {
    return refuse('grant_type_not_registered');
  }
  const parts = parseToken(secret);
  const deployment = deploymentOf(c);
  const account = parts && (await findAccount(deployment, parts.userId));
  if (!account) return refuse(`${name}_malformed`);
  const { client_id, redirect_uris, grant_types, response_types } = client;
  const presented = {
    client: { client_id, redirect_uris, grant_types, response_types },
    grantId: parts.grantId,
    secret,
    form,
  };
  return name === 'code'
    ? account.redeemCode(issuerConfigOf(deployment), presented)
    : account.rotateRefresh(issuerConfigOf(deployment), presented);
}

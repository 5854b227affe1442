import type { Context } from 'hono';
import { findAccount, looksLikeKey, parseKey, parseToken } from '../../account';
import { deploymentOf } from '../../config';
import { sha256Hex } from '../../crypto';
import { ok, refuse } from '../../result';
import { checkDomain } from '../../sign-in';
import { readTarget } from '../protocol/target';
import { type AuthenticatedRequest, issuerConfigOf, type TokenResponse } from '../protocol/token-request';
import { planServiceAccount, readSeconds } from './service-account';
import { redeemTrusted } from './trusted';

const TYPE = 'urn:ietf:params:oauth:token-type:';

/** A kind of subject token: what it looks like, and how one is exchanged. */
interface SubjectKind {
  fits(token: string, type: string): boolean;
  exchange(c: Context, token: string, request: AuthenticatedRequest): Promise<TokenResponse>;
}

/**
 * The kinds of subject tokens; the first that fits counts. A request may have no client, so a kind that needs one refuses
 * without.
 */
const KINDS: readonly SubjectKind[] = [
  {
    fits: (token, type) => type === `${TYPE}access_token` && looksLikeKey(token),
    exchange: exchangeKey,
  },
  {
    fits: (token, type) => type === `${TYPE}access_token` && parseToken(token) !== undefined,
    exchange: exchangeOwn,
  },
  {
    fits: (_, type) => type === `${TYPE}jwt` || type === `${TYPE}id_token`,
    exchange: (c, token, request) => redeemTrusted(deploymentOf(c), token, 'subject_token', request),
  },
];

/** `grant_type` token-exchange (RFC 8693): gives an access token with no more access and no longer lifetime. */
export async function exchange(c: Context, request: AuthenticatedRequest): Promise<TokenResponse> {
  const { subject_token: token, subject_token_type: type, requested_token_type, actor_token } = request.form;
  if (!token) return refuse('subject_token_missing');
  if (!type) return refuse('subject_token_type_missing');
  if (requested_token_type !== undefined && requested_token_type !== `${TYPE}access_token`) {
    return refuse('requested_token_type_unsupported');
  }
  if (actor_token !== undefined) return refuse('actor_token_unsupported');
  const kind = KINDS.find(({ fits }) => fits(token, type));
  if (!kind) return refuse('subject_token_kind');
  const issued = await kind.exchange(c, token, request);
  return issued.ok ? ok({ ...issued.value, issued_token_type: `${TYPE}access_token` }) : issued;
}

/** Exchanges an access key for an access token that ends with it (RFC 8693 section 2.1). No client is needed. */
async function exchangeKey(c: Context, text: string, { form }: AuthenticatedRequest): Promise<TokenResponse> {
  const deployment = deploymentOf(c);
  const key = parseKey(text);
  if (!key.ok) return key;
  const { userId, keyId } = key.value;
  const account = await findAccount(deployment, userId);
  if (!account) return refuse('key_unknown');
  const found = await account.authenticate(keyId, await sha256Hex(text));
  if (!found.ok) return found;
  const { identity, grant, scope, expires_at } = found.value;
  if (!checkDomain(identity, deployment.settings.signIn.oidc).ok) return refuse('sso_required');
  const client = { client_id: grant.client_id, name: grant.client_name, domain: undefined };
  const plan = planServiceAccount(
    deployment,
    { identity, client, servers: grant.servers, scope, expires_at },
    form,
  );
  if (!plan.ok) return plan;
  return account.issueDirectly(userId, issuerConfigOf(deployment), { ...plan.value, key_id: keyId });
}

/** Exchanges a client's own access token for a narrower one of the same resource. */
async function exchangeOwn(
  c: Context,
  secret: string,
  { client, form }: AuthenticatedRequest,
): Promise<TokenResponse> {
  if (!client) return refuse('client_id_missing');
  if (readSeconds(form.expires_in) === undefined) return refuse('expires_in_invalid');
  const deployment = deploymentOf(c);
  const parts = parseToken(secret);
  const account = parts && (await findAccount(deployment, parts.userId));
  if (!account) return refuse('subject_token_malformed');
  const { client_id, redirect_uris, grant_types, response_types } = client;
  const names = form.resource !== undefined || form.audience !== undefined;
  const named = names ? readTarget(deployment, form) : undefined;
  const target = named && (named.ok ? named.value.url : '');
  const issuing = { client_id, redirect_uris, grant_types, response_types };
  const presented = { client: issuing, grantId: parts.grantId, secret, form };
  return account.exchangeToken(issuerConfigOf(deployment), presented, target);
}

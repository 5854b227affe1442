import { seconds } from '../../clock';
import { randomSecret, s256, sha256Hex } from '../../crypto';
import { isSameResource, parseResource } from '../../resource';
import { ok, refuse } from '../../result';
import type { Identity } from '../principal/identity';
import { includedScopes, type Scope } from '../principal/scopes';
import { clientRecord, type IssuerConfig, issuingConfig, type TokenRequest } from './grants';
import type { Issuer } from './issuer';
import type { GrantStore } from './store';
import type { ExchangeRefusalReason, TokenResult } from './token-result';

/** What the settings allow, without a consent page. Times are seconds since the epoch. */
export interface DirectApproval {
  identity: Identity;
  /** Who asked for it: a client, or the trusted issuer whose token was presented. */
  client: { client_id: string; name: string; domain: string | undefined };
  resource: string;
  scope: Scope[];
  servers: string[];
  /** The end of the grant and of its one access token. */
  expires_at: number;
  /** The access key that it was asked for with, and ends with. Then it acts as the owner of the key. */
  key_id?: string | undefined;
}

/** Where tokens are issued without a page: the account's rows, the issuer, the deployment. */
export interface IssuingContext {
  store: GrantStore;
  issuer: Issuer;
  config: IssuerConfig;
}

const SUBJECT_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** Seconds. A lifetime that the library accepts for any token; the real end is stored by `commit`. */
const LASTING = 3600;

/**
 * Makes a grant and its access token in one step, without a refresh token. The library's code never leaves
 * this function, so what it wrote is stored with the code already redeemed. Refused only as the issuer refuses.
 *
 * @param userId the account's own
 */
export async function issueDirectly(
  { store, issuer, config }: IssuingContext,
  userId: string,
  approval: DirectApproval,
): Promise<TokenResult<never>> {
  const now = seconds();
  const { client_id, name, domain } = approval.client;
  const { scope, servers, resource, identity, expires_at, key_id } = approval;
  const redirect_uri = `${config.origin}/oauth/token`;
  const client = {
    client_id,
    redirect_uris: [],
    grant_types: ['authorization_code'],
    response_types: ['code'],
  };
  const view = store.view(now, clientRecord(client, redirect_uri));
  const issuing = { ...issuingConfig(config, client), withoutRefresh: true };
  const code_verifier = randomSecret();
  const request = { client_id, redirect_uri, state: '', code_challenge: await s256(code_verifier), resource };
  const { name: userName, email, email_verified } = identity;
  const props = { user: { id: userId, name: userName, email, email_verified }, servers };
  const approved = { userId, request, scope, props, metadata: { servers } };
  const redirectTo = await issuer.authorize(view, issuing, approved);
  const code = new URL(redirectTo).searchParams.get('code') ?? '';
  const grantId = code.split(':')[1] ?? '';
  const form = { grant_type: 'authorization_code', code, code_verifier };
  const issued = await issuer.token(view, issuing, form);
  if (!issued.ok) return issued;
  const ends = Math.min(expires_at, now + config.tokens.access);
  const grant = {
    id: grantId,
    client_id,
    client_name: name,
    client_domain: domain ?? null,
    redirect_uri,
    resource,
    scope: scope.join(' '),
    servers: JSON.stringify(servers),
    created_at: now,
    expires_at: ends,
    refresh_expires_at: ends,
    identity: key_id === undefined ? JSON.stringify(identity) : null,
    key_id: key_id ?? null,
  };
  store.commit(view, { grantId, refresh: ends, access: ends, grant }, () => undefined);
  return ok({ ...issued.value, expires_in: ends - now });
}

/**
 * Exchanges an access token for another one of the same client and grant (RFC 8693), with no more scope and no longer
 * lifetime. It ends with the token that it was made from, and with the grant. `form.scope` may ask for less,
 * `form.expires_in` for fewer seconds.
 *
 * @param target the resource that the request names, if any; it must be the grant's
 */
export async function exchangeToken(
  { store, issuer, config }: IssuingContext,
  { client, grantId, secret, form }: TokenRequest,
  target: string | undefined,
): Promise<TokenResult<ExchangeRefusalReason>> {
  const now = seconds();
  const subject = await sha256Hex(secret);
  const key = store.tokenKey(grantId, subject);
  const grant = store.find(grantId, now);
  const record = store.record(key, now);
  if (!grant || !record) return refuse('subject_token_unknown');
  if (grant.client_id !== client.client_id) return refuse('subject_token_of_other_client');
  const isOther = (url: string) =>
    !isSameResource(parseResource(config, url), parseResource(config, grant.resource));
  if (target !== undefined && isOther(target)) return refuse('target_mismatch');
  const token = JSON.parse(record.value) as { scope: string[] };
  const scope = narrowScope(form.scope, token.scope);
  if (!scope) return refuse('scope_not_granted');
  const issuing = { ...client, grant_types: [...client.grant_types, EXCHANGE] };
  const lasting = { ...token, scope: includedScopes(token.scope), expiresAt: now + LASTING };
  const shown = { ...clientRecord(issuing, grant.redirect_uri), [key]: JSON.stringify(lasting) };
  const view = store.view(now, shown);
  const request = { subject_token: secret, subject_token_type: SUBJECT_TYPE, scope: scope.join(' ') };
  const issued = await issuer.token(view, issuingConfig(config, issuing), {
    grant_type: EXCHANGE,
    ...request,
  });
  if (!issued.ok) return issued;
  const asked = form.expires_in === undefined ? config.tokens.access : Number(form.expires_in);
  const ends = Math.min(now + Math.min(asked, config.tokens.access), record.expires_at ?? grant.expires_at);
  const hash = await sha256Hex(issued.value.access_token);
  const stands = { grantId, refresh: grant.refresh_expires_at, access: ends };
  // The subject token may have been revoked while the issuer was at work. Nothing waits from here on.
  const stored =
    store.record(key, now) !== undefined &&
    store.commit(view, stands, (insert) => {
      insert('exchanges', { hash, grant_id: grantId, subject, expires_at: ends });
    });
  return stored ? ok({ ...issued.value, expires_in: ends - now }) : refuse('grant_revoked_meanwhile');
}

/** The requested scopes that a token has; undefined when it has none of them. */
function narrowScope(asked: string | undefined, held: readonly string[]): Scope[] | undefined {
  const within = includedScopes(held);
  if (asked === undefined) return within;
  const names = asked.split(' ').filter(Boolean);
  if (!names.some((name) => (within as string[]).includes(name))) return undefined;
  return includedScopes(names).filter((scope) => within.includes(scope));
}

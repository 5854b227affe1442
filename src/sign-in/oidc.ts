import * as oauth from 'oauth4webapi';
import type { ClaimsReport, Identity } from '../account';
import { isSubject } from '../claims';
import type { OidcProvider } from '../config';
import { ok, refuse } from '../result';
import {
  type ClaimSources,
  type Claims,
  identityOf,
  lacksClaims,
  namesPerson,
  reportClaims,
} from './oidc-claims';
import { discover, httpOptions, type ReachedProvider } from './oidc-discovery';
import { findGroups } from './oidc-groups';
import { attempt, type OidcRefusal, type OidcResult } from './oidc-refusals';

export type { OidcRefusal, OidcResult } from './oidc-refusals';

/** What is kept, sealed, while the person is away at the provider. `code_verifier` is a secret. */
export interface OidcTransaction {
  provider: string;
  state: string;
  nonce: string;
  code_verifier: string;
  /** Whether the provider was to ask which account. */
  select_account: boolean;
  /** Whether a refresh token was asked for though the settings don't say so. */
  offline: boolean;
}

/** A person whom the provider vouches for. `refresh_token`: a secret, to ask it again with; not all give one. */
export interface SignedInAtProvider {
  identity: Identity;
  refresh_token: string | undefined;
  report: ClaimsReport;
}

/** What the steps of one sign-in share. */
export interface RelyingParty extends ReachedProvider {
  as: oauth.AuthorizationServer;
  client: oauth.Client;
}

/**
 * Begins a sign-in: `url` is where to send the browser, `transaction` what to keep until it comes back.
 *
 * Authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE S256 (RFC 7636) and a nonce.
 * `state` begins with the flow's id, see {@link stateFlowId}. Refused when the provider can't be
 * discovered. `selectAccount`: the provider asks which account, for "not you?". `offline` (true): `offline_access`
 * is asked for where the provider's metadata lists it (section 11), so that it can be asked again later. `local`:
 * this is local development.
 */
export async function beginOidc(
  provider: OidcProvider,
  redirectUri: string,
  flowId: string,
  { selectAccount = false, offline: mayAskOffline = true, local = false } = {},
): Promise<OidcResult<{ url: string; transaction: OidcTransaction }>> {
  const found = await discover({ provider, local });
  if (!found.ok) return found;
  const lists = found.value.scopes_supported?.includes('offline_access') === true;
  const offline = mayAskOffline && lists && !provider.scopes.split(' ').includes('offline_access');
  const transaction: OidcTransaction = {
    provider: provider.name,
    state: `${flowId}.${oauth.generateRandomState()}`,
    nonce: oauth.generateRandomNonce(),
    code_verifier: oauth.generateRandomCodeVerifier(),
    select_account: selectAccount,
    offline,
  };
  const url = new URL(found.value.authorization_endpoint ?? '');
  for (const [name, value] of Object.entries({
    client_id: provider.client_id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: offline ? `${provider.scopes} offline_access` : provider.scopes,
    state: transaction.state,
    nonce: transaction.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(transaction.code_verifier),
    code_challenge_method: 'S256',
    ...(selectAccount ? { prompt: 'select_account' } : {}),
  })) {
    url.searchParams.set(name, value);
  }
  return ok({ url: url.href, transaction });
}

/** The id of the flow that a callback's `state` belongs to; undefined when it is none of ours. */
export function stateFlowId(state: string): string | undefined {
  return /^([\w-]+)\.[\w-]+$/.exec(state)?.[1];
}

/** An answer of a provider to a transaction, and what it takes to check it. */
export interface OidcAnswer {
  provider: OidcProvider;
  /** Undefined for a public client. */
  clientSecret: string | undefined;
  redirectUri: string;
  transaction: OidcTransaction;
  /** The redirect URI with the query that the browser came back with. */
  answer: URL;
  /** Whether this is local development. */
  local: boolean;
}

/**
 * Finishes a sign-in with what the provider sent the browser back with: state and `iss` checked, code exchanged, ID
 * token validated (section 3.1.3.7, signature included), userinfo asked for what it lacks.
 */
export async function finishOidc(answered: OidcAnswer): Promise<OidcResult<SignedInAtProvider>> {
  const { provider, transaction, answer, local } = answered;
  const parameters = answer.searchParams;
  if (!isOnly(parameters.getAll('state'), transaction.state)) return refuse('oidc_state_mismatch');
  const found = await discover({ provider, local });
  if (!found.ok) return found;
  const rp: RelyingParty = { provider, local, as: found.value, client: { client_id: provider.client_id } };

  if (!isIssuerRight(rp.as, parameters.getAll('iss')))
    return refuse('oidc_issuer_mismatch', 'in the callback');
  const validated = await attempt('oidc_error', () =>
    oauth.validateAuthResponse(rp.as, rp.client, parameters, transaction.state),
  );
  if (!validated.ok) return validated;
  const tokens = await exchangeCode(rp, answered, validated.value);
  if (!tokens.ok) return tokens;
  const { idToken, access_token, refresh_token } = tokens.value;
  const sources = await collectClaims(rp, idToken, access_token);
  if (!sources.ok) return sources;
  const identity = identityOf(provider, idToken.iss, idToken.sub, sources.value.claims);
  return ok({ identity, refresh_token, report: reportClaims(provider, sources.value) });
}

/** RFC 9207, section 2.4: `iss`, once, is the provider's; required when its metadata promises it. */
function isIssuerRight(as: oauth.AuthorizationServer, iss: string[]): boolean {
  if (iss.length === 0) return as.authorization_response_iss_parameter_supported !== true;
  return isOnly(iss, as.issuer);
}

/** What is used of a token response whose ID token is valid. */
interface ValidTokens {
  idToken: oauth.IDToken;
  access_token: string;
  refresh_token: string | undefined;
}

/** Exchanges the code. `parameters`: of the answer, as oauth4webapi has validated them. */
async function exchangeCode(
  rp: RelyingParty,
  { clientSecret, redirectUri, transaction }: OidcAnswer,
  parameters: URLSearchParams,
): Promise<OidcResult<ValidTokens>> {
  const { as, client } = rp;
  const exchanged = await attempt('oidc_token_invalid', async () => {
    const authentication = clientAuthentication(as, clientSecret);
    const { code_verifier, nonce } = transaction;
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      authentication,
      parameters,
      redirectUri,
      code_verifier,
      httpOptions(rp),
    );
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    });
    return { response, tokens };
  });
  if (!exchanged.ok) return exchanged;
  const { response, tokens } = exchanged.value;
  const signed = await attempt('oidc_signature_invalid', () =>
    oauth.validateApplicationLevelSignature(as, response, httpOptions(rp)),
  );
  if (!signed.ok) return signed;
  const idToken = oauth.getValidatedIdTokenClaims(tokens);
  if (!idToken) return refuse('oidc_token_invalid', 'no ID token');
  if (!isSubject(idToken.sub)) return refuse('oidc_subject_invalid');
  const { access_token, refresh_token } = tokens;
  return ok({ idToken, access_token, refresh_token });
}

/** The client authentication that the provider's metadata names; without any, `client_secret_basic` (section 9). */
export function clientAuthentication(
  as: oauth.AuthorizationServer,
  secret: string | undefined,
): oauth.ClientAuth {
  if (secret === undefined) return oauth.None();
  const methods = as.token_endpoint_auth_methods_supported ?? [];
  const postOnly = methods.includes('client_secret_post') && !methods.includes('client_secret_basic');
  return postOnly ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}

/**
 * The ID token's claims and, when they lack something, userinfo's (section 5.3) about the same subject. Userinfo that
 * can't be had is done without where the ID token is enough by itself.
 */
export async function collectClaims(
  rp: RelyingParty,
  idToken: oauth.IDToken,
  accessToken: string,
): Promise<OidcResult<ClaimSources>> {
  if (!lacksClaims(idToken, rp.provider.groups_claim)) return ok({ claims: [idToken] });
  const userinfo = await askUserinfo(rp, idToken.sub, accessToken);
  if (userinfo.ok) return ok({ claims: [idToken, ...userinfo.value] });
  const { reason, detail } = userinfo.error;
  if (!isEnough(rp, idToken, reason)) return userinfo;
  return ok({ claims: [idToken], userinfo: detail === undefined ? reason : `${reason} ${detail}` });
}

/** Failures after which nothing of the answer is used, and the sign-in isn't finished either. */
const UNTRUSTED: readonly OidcRefusal[] = [
  'oidc_userinfo_mismatch',
  'oidc_signature_invalid',
  'oidc_issuer_mismatch',
  'oidc_audience_mismatch',
];

/**
 * Whether a valid ID token is enough where userinfo fails. It has to say who the person is. Groups that it lacks may
 * be in userinfo, and a role must not be lost because userinfo is down for a moment.
 */
function isEnough({ provider }: RelyingParty, idToken: Claims, failure: OidcRefusal): boolean {
  if (UNTRUSTED.includes(failure) || !namesPerson(idToken)) return false;
  return failure !== 'oidc_unreachable' || findGroups(idToken, provider.groups_claim).state !== 'missing';
}

/** Userinfo's claims about that subject and no other; none where the provider has no userinfo. */
export async function askUserinfo(
  rp: RelyingParty,
  subject: string,
  accessToken: string,
): Promise<OidcResult<Claims[]>> {
  const { as, client } = rp;
  if (as.userinfo_endpoint === undefined) return ok([]);
  return attempt('oidc_userinfo_invalid', async () => {
    const response = await oauth.userInfoRequest(as, client, accessToken, httpOptions(rp));
    return [await oauth.processUserInfoResponse(as, client, subject, response)];
  });
}

function isOnly(values: string[], expected: string): boolean {
  return values.length === 1 && values[0] === expected;
}

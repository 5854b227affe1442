import * as oauth from 'oauth4webapi';
import type { ClaimsReport, Identity } from '../account';
import { isSubject } from '../claims';
import type { OidcProvider } from '../config';
import { isIssuerOf } from '../issuer';
import { ok, refuse } from '../result';
import { identityOf, reportClaims } from './oidc-claims';
import {
  checkSignature,
  clientAuthentication,
  clientOf,
  issuerIn,
  type RelyingParty,
  withoutSecrets,
} from './oidc-client';
import { discover, httpOptions, metadataFor } from './oidc-discovery';
import { addsOffline, mayRefuseOffline, rememberOffline } from './oidc-offline';
import { attempt, type OidcResult } from './oidc-refusals';
import { collectClaims } from './oidc-userinfo';

export type { OidcRefusal, OidcResult } from './oidc-refusals';

/** What is kept, sealed, while the person is away at the provider. `code_verifier` is a secret. */
export interface OidcTransaction {
  provider: string;
  state: string;
  nonce: string;
  code_verifier: string;
  /** Whether the provider was asked to let the person choose an account. */
  select_account: boolean;
  /** Whether `offline_access` was requested though the settings don't name it. */
  offline: boolean;
  /** Whether this is the second try, without `offline_access`, after the provider refused the first in the browser. */
  without_offline?: boolean;
}

/** A person whom the provider vouches for. `refresh_token`: a secret, to ask it again with; not all give one. */
export interface SignedInAtProvider {
  identity: Identity;
  refresh_token: string | undefined;
  report: ClaimsReport;
}

/**
 * Begins a sign-in: `url` is where to send the browser, `transaction` what to keep until it comes back.
 *
 * Authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE S256 (RFC 7636) and a nonce. `state` begins
 * with the flow's id, see {@link stateFlowId}. Refused when the provider can't be discovered. `selectAccount`: the
 * provider lets the person choose an account, for "not you?". `withoutOffline`: `offline_access` isn't added, because
 * the provider has just refused it. `local`: whether this is local development.
 */
export async function beginOidc(
  provider: OidcProvider,
  redirectUri: string,
  flowId: string,
  { selectAccount = false, withoutOffline = false, local = false } = {},
): Promise<OidcResult<{ url: string; transaction: OidcTransaction }>> {
  const found = await discover({ provider, local });
  if (!found.ok) return found;
  const offline = !withoutOffline && addsOffline(provider, found.value);
  const transaction: OidcTransaction = {
    provider: provider.name,
    state: `${flowId}.${oauth.generateRandomState()}`,
    nonce: oauth.generateRandomNonce(),
    code_verifier: oauth.generateRandomCodeVerifier(),
    select_account: selectAccount,
    offline,
    without_offline: withoutOffline,
  };
  const url = new URL(found.value.authorization_endpoint ?? '');
  for (const [name, value] of Object.entries({
    ...provider.authorize_parameters,
    client_id: provider.client_id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: offline ? `${provider.scopes} offline_access` : provider.scopes,
    state: transaction.state,
    nonce: transaction.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(transaction.code_verifier),
    code_challenge_method: 'S256',
    ...(provider.response_mode === undefined ? {} : { response_mode: provider.response_mode }),
    ...(selectAccount ? { prompt: 'select_account' } : {}),
  })) {
    url.searchParams.set(name, value);
  }
  return ok({ url: url.href, transaction });
}

/** The id of the flow that a callback's `state` belongs to; undefined for a state that we didn't make. */
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
  const as = metadataFor({ provider, as: found.value }, parameters.get('iss'));
  const rp: RelyingParty = { provider, local, as, client: clientOf(provider) };

  if (!isIssuerRight(rp.as, parameters.getAll('iss')))
    return refuse('oidc_issuer_mismatch', 'in the callback');
  const validated = await attempt('oidc_error', () =>
    oauth.validateAuthResponse(rp.as, rp.client, parameters, transaction.state),
  );
  if (!validated.ok) return validated;
  const tokens = await exchangeCode(rp, answered, validated.value);
  if (!tokens.ok) {
    if (transaction.offline && mayRefuseOffline(tokens.error))
      rememberOffline(provider, 'refused', 'to gate');
    return tokens;
  }
  const { idToken, access_token, refresh_token } = tokens.value;
  if (transaction.offline && refresh_token !== undefined) rememberOffline(provider, 'given', 'to gate');
  if (transaction.without_offline) rememberOffline(provider, 'refused', 'in browser');
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
  const { client } = rp;
  const secrets = [clientSecret, parameters.get('code'), transaction.code_verifier];
  const exchanged = await attempt('oidc_token_invalid', async () => {
    const authentication = clientAuthentication(rp, clientSecret);
    const { code_verifier, nonce } = transaction;
    const response = await oauth.authorizationCodeGrantRequest(
      rp.as,
      client,
      authentication,
      parameters,
      redirectUri,
      code_verifier,
      httpOptions(rp),
    );
    const as = metadataFor(rp, await issuerIn(response));
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    });
    return { as, response, tokens };
  });
  if (!exchanged.ok) return { ok: false, error: withoutSecrets(exchanged.error, secrets) };
  const { as, response, tokens } = exchanged.value;
  const signed = await checkSignature({ ...rp, as }, response);
  if (!signed.ok) return signed;
  const idToken = oauth.getValidatedIdTokenClaims(tokens);
  if (!idToken) return refuse('oidc_token_invalid', 'no ID token');
  // A template of tenants is no issuer, though oauth4webapi would take it for one.
  if (!isIssuerOf(rp.provider, idToken.iss)) return refuse('oidc_issuer_mismatch', 'not of a listed tenant');
  if (!isSubject(idToken.sub)) return refuse('oidc_subject_invalid');
  const { access_token, refresh_token } = tokens;
  return ok({ idToken, access_token, refresh_token });
}

function isOnly(values: string[], expected: string): boolean {
  return values.length === 1 && values[0] === expected;
}

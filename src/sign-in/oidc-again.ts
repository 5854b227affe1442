import * as oauth from 'oauth4webapi';
import type { ProviderAnswer, ProviderQuestion } from '../account';
import { isSubject } from '../claims';
import { isIssuerOf } from '../issuer';
import { ok, type Refusal, type Result, refuse } from '../result';
import { checkDomain } from './domains';
import { type ClaimSources, identityAgain, reportClaims } from './oidc-claims';
import {
  checkSignature,
  clientAuthentication,
  clientOf,
  issuerIn,
  type RelyingParty,
  withoutSecrets,
} from './oidc-client';
import { discover, httpOptions, metadataFor } from './oidc-discovery';
import { judgeRefreshError, type ProviderError, readProviderError } from './oidc-refresh-errors';
import { attempt, type OidcRefusal, type OidcResult, ProviderFailure, refusalOf } from './oidc-refusals';
import { askUserinfo, collectClaims } from './oidc-userinfo';

/**
 * Asks a provider whether a person is still who they were, with the refresh token that it gave at sign-in (OpenID
 * Connect Core 1.0, section 12). `judgeRefreshError` decides what its errors mean. A new ID token is validated as at
 * sign-in and must be about the same person (section 12.2); userinfo is asked for what it lacks. Doesn't throw.
 */
export async function askAgain(question: ProviderQuestion): Promise<ProviderAnswer> {
  const { provider, local, providers, clientSecret, refresh_token, known, keep } = question;
  // Signed in before such subjects were refused.
  if (!isSubject(known.subject)) return { verdict: 'revoked', reason: 'oidc_subject_invalid' };
  const found = await discover({ provider, local });
  if (!found.ok) return nothing(found.error, true);
  const rp: RelyingParty = { provider, local, as: found.value, client: clientOf(provider) };
  const sent = await sendRefreshToken(rp, clientSecret, refresh_token);
  if (!sent.ok) return sent.error;

  const response = sent.value;
  const error = readProviderError(response.status, await response.clone().text());
  const refused = error && refusalBy(error, refresh_token);
  if (refused) return refused;
  const tokens = response.status === 200 && !error ? await readObject(response.clone()) : undefined;
  if (tokens) await keep(typeof tokens.refresh_token === 'string' ? tokens.refresh_token : undefined);
  const sources = await readAnswer(rp, response, known.subject);
  if (!sources.ok) {
    const refusal = withoutSecrets(sources.error, [refresh_token, clientSecret]);
    return nothing(refusal, response.status >= 400 || error !== undefined);
  }
  const identity = identityAgain(provider, known, sources.value.claims);
  const bound = checkDomain(identity, providers);
  if (!bound.ok) return { verdict: 'revoked', ...bound.error };
  return { verdict: 'valid', identity, report: reportClaims(provider, sources.value) };
}

/** The response of the token endpoint (RFC 6749, section 6), whatever its status; refused when there is none. */
async function sendRefreshToken(
  rp: RelyingParty,
  clientSecret: string | undefined,
  refreshToken: string,
): Promise<Result<Response, ProviderAnswer>> {
  const { as, client } = rp;
  const authentication = clientAuthentication(rp, clientSecret);
  try {
    const options = httpOptions(rp);
    return ok(await oauth.refreshTokenGrantRequest(as, client, authentication, refreshToken, options));
  } catch (error) {
    const { status, reason } = error instanceof ProviderFailure ? error : {};
    // After another 5xx it is unknown whether the token was rotated. Nothing was sent to a URL that isn't allowed.
    const answered = status !== undefined && (status < 500 || status === 503);
    const settled = answered || reason === 'oidc_metadata_invalid';
    return { ok: false, error: nothing(refusalOf(error, 'oidc_error'), settled) };
  }
}

/** The validated claims about the person in the answer and in userinfo; none when the provider sends tokens only. */
async function readAnswer(
  rp: RelyingParty,
  response: Response,
  subject: string,
): Promise<OidcResult<ClaimSources>> {
  const as = metadataFor(rp, await issuerIn(response));
  const { client } = rp;
  const read = await attempt('oidc_token_invalid', () =>
    oauth.processRefreshTokenResponse(as, client, response),
  );
  if (!read.ok) return read;
  const idToken = oauth.getValidatedIdTokenClaims(read.value);
  if (!idToken) {
    const userinfo = await askUserinfo(rp, subject, read.value.access_token);
    return userinfo.ok ? ok({ claims: userinfo.value }) : userinfo;
  }
  const signed = await checkSignature({ ...rp, as }, response);
  if (!signed.ok) return signed;
  if (!isIssuerOf(rp.provider, idToken.iss)) return refuse('oidc_issuer_mismatch', 'not of a listed tenant');
  if (idToken.sub !== subject) return refuse('oidc_subject_mismatch');
  return collectClaims(rp, idToken, read.value.access_token);
}

/** What the provider's own error means for the person; undefined: nothing. */
function refusalBy(error: ProviderError, secret: string): ProviderAnswer | undefined {
  const verdict = judgeRefreshError(error);
  if (verdict === 'not_now') return undefined;
  const detail = [error.code, error.text].filter((part) => part !== '').join(': ');
  const refusal = withoutSecrets({ reason: 'oidc_refresh_rejected', detail: detail.slice(0, 300) }, [secret]);
  return verdict === 'gone'
    ? { verdict: 'revoked', ...refusal, reason: 'oidc_refresh_rejected' }
    : { verdict: 'sign_in', ...refusal, reason: 'oidc_sign_in_required' };
}

async function readObject(response: Response): Promise<Record<string, unknown> | undefined> {
  const body: unknown = await response.json().catch(() => undefined);
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
}

function nothing({ reason, detail }: Refusal<OidcRefusal>, settled: boolean): ProviderAnswer {
  return { verdict: 'unavailable', reason, detail, settled };
}

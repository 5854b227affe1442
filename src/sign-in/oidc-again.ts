import * as oauth from 'oauth4webapi';
import type { ProviderAnswer, ProviderQuestion } from '../account';
import { isSubject } from '../claims';
import { isIssuerOf } from '../issuer';
import { ok, type Refusal, refuse } from '../result';
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
 * Asks a provider whether a person still is who they were, by the refresh token that it gave at sign-in (OpenID
 * Connect Core 1.0, section 12). What its refusals mean is `judgeRefreshError`'s. A new ID token is validated as at sign-in and must be
 * about the same person (section 12.2); userinfo is asked for what it lacks. Doesn't throw.
 */
export async function askAgain(question: ProviderQuestion): Promise<ProviderAnswer> {
  const { provider, local, providers, clientSecret, refresh_token, known, keep } = question;
  // From before such subjects were refused.
  if (!isSubject(known.subject)) return { says: 'no', reason: 'oidc_subject_invalid' };
  const found = await discover({ provider, local });
  if (!found.ok) return nothing(found.error, true);
  const rp: RelyingParty = { provider, local, as: found.value, client: clientOf(provider) };
  const sent = await present(rp, clientSecret, refresh_token);
  if (!(sent instanceof Response)) return sent;

  const error = readProviderError(sent.status, await sent.clone().text());
  const refused = error && refusalBy(error, refresh_token);
  if (refused) return refused;
  const told = sent.status === 200 && !error ? await readObject(sent.clone()) : undefined;
  if (told) await keep(typeof told.refresh_token === 'string' ? told.refresh_token : undefined);
  const sources = await readAnswer(rp, sent, known.subject);
  if (!sources.ok) {
    return nothing(
      withoutSecrets(sources.error, [refresh_token, clientSecret]),
      sent.status >= 400 || error !== undefined,
    );
  }
  const identity = identityAgain(provider, known, sources.value.claims);
  const bound = checkDomain(identity, providers);
  if (!bound.ok) return { says: 'no', ...bound.error };
  return { says: 'yes', identity, report: reportClaims(provider, sources.value) };
}

/** The answer of the token endpoint (RFC 6749, section 6), whatever it says; or that there is none. */
async function present(
  rp: RelyingParty,
  clientSecret: string | undefined,
  refreshToken: string,
): Promise<Response | ProviderAnswer> {
  const { as, client } = rp;
  const authentication = clientAuthentication(rp, clientSecret);
  try {
    const options = httpOptions(rp);
    return await oauth.refreshTokenGrantRequest(as, client, authentication, refreshToken, options);
  } catch (error) {
    const { status, reason } = error instanceof ProviderFailure ? error : {};
    // After other 5xx nobody knows whether the token was rotated; what may not be reached was sent nothing.
    const answered = status !== undefined && (status < 500 || status === 503);
    return nothing(refusalOf(error, 'oidc_error'), answered || reason === 'oidc_metadata_invalid');
  }
}

/** What the answer and userinfo say of the person, checked; none, when the provider says only that all is well. */
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
    ? { says: 'no', ...refusal, reason: 'oidc_refresh_rejected' }
    : { says: 'sign_in', ...refusal, reason: 'oidc_sign_in_required' };
}

async function readObject(response: Response): Promise<Record<string, unknown> | undefined> {
  const body: unknown = await response.json().catch(() => undefined);
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
}

function nothing({ reason, detail }: Refusal<OidcRefusal>, settled: boolean): ProviderAnswer {
  return { says: 'nothing', reason, detail, settled };
}

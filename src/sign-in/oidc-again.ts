import * as oauth from 'oauth4webapi';
import type { ProviderAnswer, ProviderQuestion } from '../account';
import { isSubject } from '../claims';
import { ok, type Refusal, type Result, refuse } from '../result';
import { checkDomain } from './domains';
import { askUserinfo, clientAuthentication, collectClaims, type RelyingParty } from './oidc';
import { type Claims, identityAgain } from './oidc-claims';
import { discover, httpOptions } from './oidc-discovery';
import { attempt, type OidcRefusal, type OidcResult, ProviderFailure, refusalOf } from './oidc-refusals';

/**
 * Asks a provider whether a person is still who they were, with the refresh token that it gave at sign-in (OpenID
 * Connect Core 1.0, section 12). Its `invalid_grant` means that they are not. A new ID token is validated as at sign-in
 * and must be about the same person (section 12.2); userinfo is asked for what it lacks. Doesn't throw.
 */
export async function askAgain(question: ProviderQuestion): Promise<ProviderAnswer> {
  const { provider, local, providers, clientSecret, refresh_token, known, keep } = question;
  // Signed in before such subjects were refused.
  if (!isSubject(known.subject)) return { verdict: 'revoked', reason: 'oidc_subject_invalid' };
  const found = await discover({ provider, local });
  if (!found.ok) return nothing(found.error, true);
  const rp: RelyingParty = { provider, local, as: found.value, client: { client_id: provider.client_id } };
  const sent = await sendRefreshToken(rp, clientSecret, refresh_token);
  if (!sent.ok) return sent.error;

  const response = sent.value;
  const tokens = response.status === 200 ? await readObject(response.clone()) : undefined;
  if (tokens) await keep(typeof tokens.refresh_token === 'string' ? tokens.refresh_token : undefined);
  const sources = await readAnswer(rp, response, known.subject);
  if (!sources.ok) {
    const refusal = withoutSecret(sources.error, refresh_token);
    // The same error code as for a rejected code at sign-in; here it was the refresh token.
    const rejected = refusal.reason === 'oidc_code_rejected';
    if (rejected) return { verdict: 'revoked', ...refusal, reason: 'oidc_refresh_rejected' };
    return nothing(refusal, response.status >= 400);
  }
  const identity = identityAgain(provider, known, sources.value);
  const bound = checkDomain(identity, providers);
  return bound.ok ? { verdict: 'valid', identity } : { verdict: 'revoked', ...bound.error };
}

/** The response of the token endpoint (RFC 6749, section 6), whatever its status; refused when there is none. */
async function sendRefreshToken(
  rp: RelyingParty,
  clientSecret: string | undefined,
  refreshToken: string,
): Promise<Result<Response, ProviderAnswer>> {
  const { as, client } = rp;
  const authentication = clientAuthentication(as, clientSecret);
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
): Promise<OidcResult<Claims[]>> {
  const { as, client } = rp;
  const read = await attempt('oidc_token_invalid', () =>
    oauth.processRefreshTokenResponse(as, client, response),
  );
  if (!read.ok) return read;
  const idToken = oauth.getValidatedIdTokenClaims(read.value);
  if (!idToken) return askUserinfo(rp, subject, read.value.access_token);
  const signed = await attempt('oidc_signature_invalid', () =>
    oauth.validateApplicationLevelSignature(as, response, httpOptions(rp)),
  );
  if (!signed.ok) return signed;
  if (idToken.sub !== subject) return refuse('oidc_subject_mismatch');
  return collectClaims(rp, idToken, read.value.access_token);
}

async function readObject(response: Response): Promise<Record<string, unknown> | undefined> {
  const body: unknown = await response.json().catch(() => undefined);
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
}

function nothing({ reason, detail }: Refusal<OidcRefusal>, settled: boolean): ProviderAnswer {
  return { verdict: 'unavailable', reason, detail, settled };
}

/** The detail without the secret, which a provider's error text may quote. */
function withoutSecret({ reason, detail }: Refusal<OidcRefusal>, secret: string): Refusal<OidcRefusal> {
  return detail === undefined ? { reason } : { reason, detail: detail.replaceAll(secret, '…') };
}

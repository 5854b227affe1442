import * as oauth from 'oauth4webapi';
import { ok, type Refusal, type Result } from '../result';

/** Why a sign-in at an OIDC provider failed: tags in the log and the trail. */
export type OidcRefusal =
  /** No answer within the time limit, a network error, 429 or 5xx: worth trying again. */
  | 'oidc_unreachable'
  /** A document or endpoint answered with a redirect, which is never followed. */
  | 'oidc_redirected'
  /** An answer that is longer than any real one; the rest is not read. */
  | 'oidc_too_large'
  /** The discovery document is missing, is not JSON, or lacks a usable endpoint. */
  | 'oidc_metadata_invalid'
  | 'oidc_state_mismatch'
  /** `iss` in the discovery document, the callback (RFC 9207) or the ID token is not the provider's. */
  | 'oidc_issuer_mismatch'
  /** The provider answered `error=access_denied`: the person declined, or a rule there did. */
  | 'oidc_denied'
  /** The provider answered `error=invalid_scope`: this client may not have the scope that was requested. */
  | 'oidc_scope_rejected'
  /** Any other error of the provider; `detail` begins with its code. */
  | 'oidc_error'
  /** `invalid_grant`: the code was used before, is expired, or was issued to another client. */
  | 'oidc_code_rejected'
  /** `sub` is empty or blank, longer than the standard allows, or has control characters. */
  | 'oidc_subject_invalid'
  /** When asked again: `invalid_grant`. */
  | 'oidc_refresh_rejected'
  /** When asked again: the answer is about somebody else. */
  | 'oidc_subject_mismatch'
  /** The provider doesn't know this client, or the secret is wrong. */
  | 'oidc_client_rejected'
  | 'oidc_audience_mismatch'
  | 'oidc_nonce_mismatch'
  | 'oidc_token_expired'
  /** The token response has no ID token, or one that is malformed or lacks a required claim. */
  | 'oidc_token_invalid'
  /** Not signed by a key of the provider's JWKS, or by an algorithm that is not accepted. */
  | 'oidc_signature_invalid'
  /** userinfo is about another subject than the ID token. */
  | 'oidc_userinfo_mismatch'
  | 'oidc_userinfo_invalid';

export type OidcResult<T> = Result<T, Refusal<OidcRefusal>>;

/** What our `fetch` throws through oauth4webapi, to be caught in {@link attempt}. `status`: of the answer, if any. */
export class ProviderFailure extends Error {
  constructor(
    readonly reason: OidcRefusal,
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

/** Runs one step of oauth4webapi. What it throws becomes a refusal; `otherwise`: its tag when the error has none. */
export async function attempt<T>(otherwise: OidcRefusal, step: () => T | Promise<T>): Promise<OidcResult<T>> {
  try {
    return ok(await step());
  } catch (error) {
    return { ok: false, error: refusalOf(error, otherwise) };
  }
}

/** What oauth4webapi threw, as a refusal. `otherwise`: its tag when the error has none. */
export function refusalOf(error: unknown, otherwise: OidcRefusal): Refusal<OidcRefusal> {
  return { reason: reasonOf(error) ?? otherwise, detail: detailOf(error) };
}

const BY_CODE: Record<string, OidcRefusal> = {
  [oauth.JWT_TIMESTAMP_CHECK]: 'oidc_token_expired',
  [oauth.MISSING_SERVER_METADATA]: 'oidc_metadata_invalid',
  [oauth.INVALID_SERVER_METADATA]: 'oidc_metadata_invalid',
  [oauth.HTTP_REQUEST_FORBIDDEN]: 'oidc_metadata_invalid',
  [oauth.REQUEST_PROTOCOL_FORBIDDEN]: 'oidc_metadata_invalid',
};
const BY_CLAIM: Record<string, OidcRefusal> = {
  iss: 'oidc_issuer_mismatch',
  aud: 'oidc_audience_mismatch',
  azp: 'oidc_audience_mismatch',
  nonce: 'oidc_nonce_mismatch',
};
const BY_ATTRIBUTE: Record<string, OidcRefusal> = {
  issuer: 'oidc_issuer_mismatch',
  sub: 'oidc_userinfo_mismatch',
};
/** Error codes of the callback (RFC 6749, 4.1.2.1). */
const BY_CALLBACK_ERROR: Record<string, OidcRefusal> = {
  access_denied: 'oidc_denied',
  invalid_scope: 'oidc_scope_rejected',
  invalid_client: 'oidc_client_rejected',
  unauthorized_client: 'oidc_client_rejected',
};
/** Error codes of the token endpoint (RFC 6749, 5.2). */
const BY_TOKEN_ERROR: Record<string, OidcRefusal> = {
  invalid_scope: 'oidc_scope_rejected',
  invalid_grant: 'oidc_code_rejected',
  invalid_client: 'oidc_client_rejected',
  unauthorized_client: 'oidc_client_rejected',
};

function reasonOf(error: unknown): OidcRefusal | undefined {
  if (error instanceof ProviderFailure) return error.reason;
  if (error instanceof oauth.AuthorizationResponseError) {
    return BY_CALLBACK_ERROR[error.error] ?? 'oidc_error';
  }
  if (error instanceof oauth.ResponseBodyError) return BY_TOKEN_ERROR[error.error] ?? 'oidc_error';
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    // Only client authentication is ever challenged for Basic; userinfo asks for Bearer.
    return error.cause.some(({ scheme }) => scheme === 'basic') ? 'oidc_client_rejected' : undefined;
  }
  if (!(error instanceof oauth.OperationProcessingError)) return undefined;
  const cause = error.cause as { claim?: string; attribute?: string } | undefined;
  if (error.code === oauth.JWT_CLAIM_COMPARISON) return BY_CLAIM[cause?.claim ?? ''];
  if (error.code === oauth.JSON_ATTRIBUTE_COMPARISON) return BY_ATTRIBUTE[cause?.attribute ?? ''];
  return BY_CODE[error.code ?? ''];
}

/** A text for the operator: the messages of oauth4webapi name what was checked, never a token or a secret. */
function detailOf(error: unknown): string {
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
    // The library checks the code; the description can be any text.
    const said: unknown[] = [error.error, error.error_description];
    return said
      .filter((text) => typeof text === 'string' && text !== '')
      .join(': ')
      .slice(0, 300);
  }
  return error instanceof Error ? error.message : String(error);
}

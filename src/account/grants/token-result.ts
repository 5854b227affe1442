import type { Refusal, Result } from '../../result';

/* The results of token requests to an account. `src/oauth/protocol/oauth-error.ts` makes the OAuth errors of them. */

/** The tokens that a token request gets (RFC 6749 section 5.1). */
export interface IssuedTokens {
  access_token: string;
  token_type: string;
  /** Seconds. */
  expires_in: number;
  /** Undefined for a grant without one, and for an exchanged token. */
  refresh_token?: string;
  scope: string;
  /** The resource that the access token is for (RFC 8707). */
  resource?: string;
  /** Only for an exchanged token (RFC 8693 section 2.2.1). */
  issued_token_type?: string;
}

/** A refusal by the library. `reason` is its `category/reason`, a tag for the log. */
export interface IssuerRefusal extends Refusal<`${string}/${string}`> {
  /** The error code of RFC 6749 section 5.2 or RFC 8707 section 2. */
  error: string;
  error_description: string;
}

/** Why an account redeems no code. `code_replayed`: the grant ended with it. */
export type CodeRefusalReason =
  | 'code_unknown'
  | 'code_client_mismatch'
  | 'code_verifier_mismatch'
  | 'code_expired'
  | 'code_replayed'
  | 'provider_said_no'
  | 'grant_revoked_meanwhile';

/**
 * Why an account rotates no refresh token. `refresh_replayed`: the grant ended with it, unless `TOKENS.on_replay` is
 * `refuse`. `provider_slow`: ask again in a moment.
 */
export type RefreshRefusalReason =
  | 'grant_not_found'
  | 'refresh_client_mismatch'
  | 'refresh_expired'
  | 'refresh_replayed'
  | 'answer_unreadable'
  | ProviderRefusalReason
  | 'grant_revoked_meanwhile';

/** Why the sign-in provider's answer, or its silence, refuses a refresh (`provider/checks.ts`). */
export type ProviderRefusalReason =
  | 'provider_said_no'
  | 'sign_in_too_old'
  | 'provider_wants_sign_in'
  | 'provider_slow';

/** Why an account exchanges no access token (RFC 8693). */
export type ExchangeRefusalReason =
  | 'subject_token_unknown'
  | 'subject_token_of_other_client'
  | 'target_mismatch'
  | 'scope_not_granted'
  | 'grant_revoked_meanwhile';

/** The result of a token request to an account. */
export type TokenResult<Reason extends string> = Result<IssuedTokens, Refusal<Reason> | IssuerRefusal>;

import type {
  AccessRefusal,
  CodeRefusalReason,
  ExchangeRefusalReason,
  KeyTextRefusal,
  RefreshRefusalReason,
} from '../../account';
import type { FormRefusal } from '../../http';
import type { Refusal } from '../../result';
import type { AssertionRefusal } from './jwt';

/** An error of the endpoints for clients (RFC 6749 section 5.2): the status, and the two members of the body. */
export interface OAuthError {
  status: 400 | 401 | 503;
  error: string;
  error_description: string;
}

/**
 * Why the token, revocation, introspection or device authorization endpoint refuses a request. `reason` is a tag for
 * the log (docs/sign-out-playbook.md lists all). {@link toOAuthError} makes the error for the client.
 */
export type EndpointRefusal = Refusal<EndpointReason> | PresentedTokenRefusal | ExplainedRefusal;

/** The reasons that always give the same error. */
export type EndpointReason =
  | AccessRefusal
  | CodeRefusalReason
  | DeviceReason
  | ExchangeRefusalReason
  | FormRefusal
  | KeyTextRefusal
  | RefreshRefusalReason
  | RequestReason;

/** What is wrong with a request, or with its client, before an account is asked. */
type RequestReason =
  | 'actor_token_unsupported'
  | 'assertion_by_public_client'
  | 'assertion_missing'
  | 'client_id_missing'
  | 'code_malformed'
  | 'code_missing'
  | 'expires_in_invalid'
  | 'grant_type_missing'
  | 'grant_type_not_registered'
  | 'grant_type_unknown'
  | 'introspection_by_public_client'
  | 'parameter_repeated'
  | 'refresh_token_malformed'
  | 'refresh_token_missing'
  | 'requested_token_type_unsupported'
  | 'role_missing'
  | 'scope_not_allowed'
  | 'scope_unknown'
  | 'subject_token_kind'
  | 'subject_token_malformed'
  | 'subject_token_missing'
  | 'subject_token_type_missing'
  | 'target_out_of_reach'
  | 'target_unknown'
  | 'token_missing';

/** Of a device code (RFC 8628 section 3.5). */
type DeviceReason =
  | 'access_denied'
  | 'authorization_pending'
  | 'device_answered'
  | 'device_code_client_mismatch'
  | 'device_code_expired'
  | 'device_code_missing'
  | 'device_code_unknown'
  | 'slow_down';

/** Why a trusted issuer's token is refused. The error depends on how it was presented. */
export interface PresentedTokenRefusal extends Refusal<PresentedTokenReason> {
  /** As `subject_token` (RFC 8693), or as `assertion` (RFC 7523). */
  presented_as: 'subject_token' | 'assertion';
}

/** Of {@link PresentedTokenRefusal}. */
export type PresentedTokenReason =
  | AssertionRefusal
  | 'assertion_client'
  | 'assertion_no_rule'
  | 'assertion_replayed'
  | 'assertion_type'
  | 'issuer_not_trusted';

/** A refusal that has its error with it: the library's, or that of client authentication. */
interface ExplainedRefusal extends Refusal {
  error: string;
  error_description: string;
}

/** The OAuth error of a refusal. Exhaustive: a new reason doesn't compile without its error. */
export function toOAuthError(refusal: EndpointRefusal): OAuthError {
  if ('error' in refusal) return oauthError(refusal.error, refusal.error_description);
  return 'presented_as' in refusal ? PRESENTED[refusal.presented_as] : ERRORS[refusal.reason];
}

/** RFC 8693 section 2.2.2, RFC 7523 section 3.1. */
const PRESENTED: Record<PresentedTokenRefusal['presented_as'], OAuthError> = {
  subject_token: oauthError('invalid_request', 'The subject token is not valid'),
  assertion: oauthError('invalid_grant', 'The assertion is not valid'),
};

const NO_KEY = 'The access key is not valid';
const NO_GRANT = 'The grant is not valid';
const NO_DEVICE_CODE = 'The device code is not valid';
const NO_SUBJECT_TOKEN = 'The subject token is not valid';
const NO_RESOURCE = 'There is no such resource';
const FORM = 'The body must be application/x-www-form-urlencoded, at most 64 kB';
const SIGN_IN_AGAIN = 'Sign in again';

const ERRORS: Record<EndpointReason, OAuthError> = {
  // RFC 6749 section 5.2
  ...all('invalid_request', {
    actor_token_unsupported: 'actor_token is not supported',
    assertion_missing: 'assertion is required',
    code_missing: 'code is required',
    device_code_missing: 'device_code is required',
    expires_in_invalid: 'expires_in must be a number of seconds',
    form_too_large: FORM,
    form_unreadable: FORM,
    form_wrong_type: FORM,
    grant_type_missing: 'grant_type is required',
    parameter_repeated: 'A parameter is there more than once',
    refresh_token_missing: 'refresh_token is required',
    requested_token_type_unsupported: 'Only access tokens are issued',
    subject_token_kind: 'The subject token is of no kind that is exchanged',
    subject_token_malformed: NO_SUBJECT_TOKEN,
    subject_token_missing: 'subject_token is required',
    subject_token_of_other_client: NO_SUBJECT_TOKEN,
    subject_token_type_missing: 'subject_token_type is required',
    subject_token_unknown: NO_SUBJECT_TOKEN,
    token_missing: 'token is required',
  }),
  ...all('invalid_client', {
    assertion_by_public_client: 'The client must authenticate',
    client_id_missing: 'client_id is required',
    introspection_by_public_client: 'Only a client with credentials can introspect',
  }),
  ...all('invalid_grant', {
    account_disabled: 'The account is disabled',
    answer_unreadable: NO_GRANT,
    code_client_mismatch: NO_GRANT,
    code_expired: 'The authorization code has expired',
    code_malformed: NO_GRANT,
    code_replayed: 'The authorization code was used before',
    code_unknown: NO_GRANT,
    code_verifier_mismatch: 'The code_verifier does not match the code_challenge',
    device_answered: NO_DEVICE_CODE,
    device_code_client_mismatch: NO_DEVICE_CODE,
    device_code_unknown: NO_DEVICE_CODE,
    grant_not_found: NO_GRANT,
    grant_revoked_meanwhile: NO_GRANT,
    grant_unknown: NO_KEY,
    key_checksum: NO_KEY,
    key_expired: NO_KEY,
    key_malformed: NO_KEY,
    key_revoked: NO_KEY,
    key_unknown: NO_KEY,
    provider_said_no: SIGN_IN_AGAIN,
    provider_wants_sign_in: SIGN_IN_AGAIN,
    refresh_client_mismatch: NO_GRANT,
    refresh_expired: 'The refresh token has expired',
    refresh_replayed: 'The refresh token was used before',
    refresh_token_malformed: NO_GRANT,
    role_missing: 'The settings give it no role',
    sign_in_too_old: SIGN_IN_AGAIN,
    sso_required: NO_KEY,
    token_unknown: NO_KEY,
  }),
  ...all('unauthorized_client', {
    grant_type_not_registered: 'The client is not registered for this grant',
  }),
  ...all('unsupported_grant_type', { grant_type_unknown: 'Grant type not supported' }),
  ...all('invalid_scope', {
    scope_not_allowed: 'Nothing of this scope can be had',
    scope_not_granted: 'The subject token has none of these scopes',
    scope_unknown: 'None of these scopes is known',
  }),
  // RFC 8707 section 2
  ...all('invalid_target', {
    target_mismatch: 'The subject token is for another resource',
    target_out_of_reach: NO_RESOURCE,
    target_unknown: NO_RESOURCE,
  }),
  // RFC 8628 section 3.5
  authorization_pending: oauthError('authorization_pending', 'The person has not answered yet'),
  slow_down: oauthError('slow_down', 'Ask less often: five seconds more between two questions'),
  access_denied: oauthError('access_denied', 'The person declined'),
  device_code_expired: oauthError('expired_token', 'The device code has expired'),
  // RFC 6749 section 5.2 has no code for it; this is the one of section 4.1.2.1
  provider_slow: oauthError('temporarily_unavailable', 'Try again in a moment'),
};

/** The same error for several reasons, each with its description. */
function all<Reason extends string>(
  error: string,
  descriptions: Record<Reason, string>,
): Record<Reason, OAuthError> {
  const entries = Object.entries<string>(descriptions);
  return Object.fromEntries(entries.map(([reason, text]) => [reason, oauthError(error, text)])) as Record<
    Reason,
    OAuthError
  >;
}

/** RFC 6749 section 5.2: 401 for failed client authentication, otherwise 400. After 503 a client tries again. */
function oauthError(error: string, error_description: string): OAuthError {
  const status = error === 'invalid_client' ? 401 : error === 'temporarily_unavailable' ? 503 : 400;
  return { status, error, error_description };
}

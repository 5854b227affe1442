import { looksLikeKey, parseKey, parseToken } from '../../account';
import { ok, type Refusal, type Result, refuse } from '../../result';

/** Why a request's credential is refused before, or by, the account that it names. */
export type PresentedCredentialRefusal =
  | 'credential_missing'
  | 'credential_malformed'
  | 'credentials_conflict'
  | 'key_malformed'
  | 'key_checksum'
  | 'token_not_ours'
  | 'rate_requests'
  | 'token_unknown'
  | 'grant_unknown'
  | 'key_unknown'
  | 'key_revoked'
  | 'key_expired'
  | 'token_for_other_resource'
  | 'sso_required'
  | 'account_disabled'
  | 'role_missing';

export type CredentialRefusal = Refusal<PresentedCredentialRefusal>;

/** An access token or an access key, and what it says of itself: whose, and which grant or key. */
export interface PresentedCredential {
  text: string;
  userId: string;
  id: string;
}

type Read = Result<PresentedCredential, CredentialRefusal>;

/**
 * The one credential of a request: `Authorization: Bearer` an access token or an access key, or `x-api-key` an
 * access key (RFC 6750 section 2: no more than one way at a time). Nothing is looked up.
 */
export function readCredential(headers: Headers): Read {
  const conflict = conflictIn(headers);
  if (conflict !== undefined) return refuse('credentials_conflict', conflict);
  const apiKey = headers.get('x-api-key');
  if (apiKey !== null) return looksLikeKey(apiKey.trim()) ? readKey(apiKey.trim()) : refuse('key_malformed');
  const header = headers.get('authorization');
  if (header === null) return refuse('credential_missing');
  const text = /^bearer +([^\s]+)$/i.exec(header)?.[1];
  if (text === undefined) return refuse('credential_malformed');
  if (looksLikeKey(text)) return readKey(text);
  const parts = parseToken(text);
  return parts ? ok({ text, userId: parts.userId, id: parts.grantId }) : refuse('token_not_ours');
}

function readKey(text: string): Read {
  const parsed = parseKey(text);
  return parsed.ok ? ok({ text, userId: parsed.value.userId, id: parsed.value.keyId }) : parsed;
}

/** Two credentials in one request, in words; undefined when there is at most one. */
export function conflictIn(headers: Headers): string | undefined {
  const [authorization, apiKey] = [headers.get('authorization'), headers.get('x-api-key')];
  // Headers that are sent twice arrive as one, with a comma, which no key can have.
  if (apiKey?.includes(',')) return 'two access keys in x-api-key';
  const list = authorization?.split(',') ?? [];
  const hasKey = list.some((one) => looksLikeKey(withoutScheme(one)));
  if (list.length > 1 && hasKey) return 'an access key and another credential in Authorization';
  if (authorization === null || apiKey === null) return undefined;
  const [scheme = '', text = ''] = authorization.split(' ');
  const bearer = looksLikeKey(text) ? 'an access key' : 'an access token';
  // Only a known scheme is repeated: without one the first word is the secret, and this goes to the log.
  const known = ['basic', 'digest', 'dpop'].includes(scheme.toLowerCase()) ? scheme : 'something else';
  const first = scheme.toLowerCase() === 'bearer' ? bearer : known;
  return `${first} in Authorization, and an access key in x-api-key`;
}

/** The credential of an `Authorization` that has the scheme Bearer, or none. */
export function withoutScheme(authorization: string): string {
  return authorization.trim().replace(/^bearer +/i, '');
}

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWKSCacheInput,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwksCache,
  jwtVerify,
} from 'jose';
import { isolateCache } from '../../caches';
import { sameUrl } from '../../issuer';
import { outboundFetch } from '../../outbound-fetch';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { AssertionKeys } from './client';

/** Why a signed token that somebody presents is worth nothing. */
export type AssertionRefusal =
  | 'assertion_unexpected'
  | 'assertion_malformed'
  | 'assertion_algorithm'
  | 'assertion_signature'
  | 'assertion_claim'
  | 'assertion_expired'
  | 'assertion_key_unknown'
  | 'assertion_keys_unavailable';

export interface JwtDeps {
  /** `host:port` on loopback that keys may be fetched from. */
  loopbackHosts: readonly string[];
  /** Seconds since the epoch. */
  now: number;
}

/** What a token must say; the caller judges the rest. */
export interface JwtRules {
  /** The very text. */
  issuer: string;
  subject?: string;
  /** Any of these URLs, however the token spells it, or the very text of what is no URL. */
  audience: string[];
  required: string[];
  /** The furthest that `exp` may be ahead, in seconds. */
  longest: number;
}

export interface VerifiedJwt {
  payload: JWTPayload;
  /** Media type, in lower case and without `application/`; empty when the token names none. */
  typ: string;
}

/** The longest token that is looked at, in characters. */
export const MAX_JWT = 16 * 1024;
/** Seconds by which clocks may differ. What is remembered of a token is kept that much longer. */
export const CLOCK_SKEW = 60;

const MAX_KEYS_BYTES = 64 * 1024;
const KEYS_TIMEOUT_MS = 5_000;
const KEYS_FRESH_MS = 300_000;

/** Keys that were fetched, by URL. */
const cachedKeys = isolateCache<JWKSCacheInput>('verificationKeys');

/**
 * Verifies a compact JWS with claims (RFC 7519 section 7.2): at most 16 kB, signed with one of the keys and of
 * its algorithms (all asymmetric, never `none`), `iss`, `aud` and what `rules` name, `exp` not past and not too
 * far ahead, `iat` and `nbf` not in the future; a minute of clock skew.
 */
export async function verifyJwt(
  token: string,
  keys: AssertionKeys,
  rules: JwtRules,
  deps: JwtDeps,
): Promise<Result<VerifiedJwt, Refusal<AssertionRefusal>>> {
  if (token.length > MAX_JWT) return refuse('assertion_malformed', 'too long');
  const options: JWTVerifyOptions = {
    algorithms: keys.algorithms,
    issuer: rules.issuer,
    requiredClaims: rules.required,
    clockTolerance: CLOCK_SKEW,
    currentDate: new Date(deps.now * 1000),
    ...(rules.subject === undefined ? {} : { subject: rules.subject }),
  };
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keySource(keys, deps), options);
    const { exp = 0, iat = 0 } = payload;
    if (!isMeantFor(payload.aud, rules.audience)) return refuse('assertion_claim', 'aud');
    if (exp > deps.now + rules.longest + CLOCK_SKEW) return refuse('assertion_claim', 'exp is too far ahead');
    if (iat > deps.now + CLOCK_SKEW) return refuse('assertion_claim', 'iat is in the future');
    const { typ = '' }: { typ?: unknown } = protectedHeader;
    if (typeof typ !== 'string') return refuse('assertion_malformed', 'typ');
    return ok({ payload, typ: typ.toLowerCase().replace(/^application\//, '') });
  } catch (error) {
    return { ok: false, error: explain(error) };
  }
}

/** RFC 7519 section 4.1.3: one of the audiences is us. */
function isMeantFor(aud: unknown, ours: readonly string[]): boolean {
  const named: unknown[] = Array.isArray(aud) ? aud : [aud];
  return named.some((one) => typeof one === 'string' && ours.some((own) => sameUrl(one, own)));
}

/** Forgets the keys that were fetched from an address, so that the next token has them fetched. */
export function forgetKeys(jwks_uri: string): void {
  cachedKeys().delete(jwks_uri);
}

/** Inline keys, or those at `jwks_uri`: for 5 minutes, and again for an unknown `kid`, but not within 30 s. */
function keySource(keys: AssertionKeys, deps: JwtDeps): JWTVerifyGetKey {
  if (keys.jwks_uri === undefined) return createLocalJWKSet(keys.jwks ?? { keys: [] });
  return createRemoteJWKSet(new URL(keys.jwks_uri), {
    [jwksCache]: cacheOf(keys.jwks_uri),
    [customFetch]: (url) => fetchKeys(url, deps.loopbackHosts),
    cacheMaxAge: KEYS_FRESH_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
  });
}

function cacheOf(jwks_uri: string): JWKSCacheInput {
  const known = cachedKeys().get(jwks_uri);
  if (known) return known;
  const cache: JWKSCacheInput = {};
  cachedKeys().set(jwks_uri, cache);
  return cache;
}

class KeysUnavailable extends Error {}

async function fetchKeys(url: string, loopbackHosts: readonly string[]): Promise<Response> {
  const fetched = await outboundFetch(
    url,
    {
      maxBytes: MAX_KEYS_BYTES,
      timeoutMs: KEYS_TIMEOUT_MS,
      statuses: 'ok',
      loopback: loopbackHosts.map((host) => `https://${host}`),
    },
    { headers: { accept: 'application/jwk-set+json, application/json' } },
  );
  if (!fetched.ok) throw new KeysUnavailable(fetched.error.reason);
  return new Response(fetched.value.body);
}

function explain(error: unknown): Refusal<AssertionRefusal> {
  if (error instanceof KeysUnavailable)
    return { reason: 'assertion_keys_unavailable', detail: error.message };
  if (error instanceof errors.JWTExpired) return { reason: 'assertion_expired' };
  if (error instanceof errors.JWTClaimValidationFailed)
    return { reason: 'assertion_claim', detail: error.claim };
  if (error instanceof errors.JOSEAlgNotAllowed) return { reason: 'assertion_algorithm' };
  if (error instanceof errors.JWSSignatureVerificationFailed) return { reason: 'assertion_signature' };
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return { reason: 'assertion_key_unknown' };
  }
  const detail = error instanceof Error ? error.message : 'unreadable';
  // What is left besides an unreadable assertion is a key set that isn't one.
  const isAssertion = [errors.JWSInvalid, errors.JWTInvalid, errors.JOSENotSupported].some(
    (kind) => error instanceof kind,
  );
  return { reason: isAssertion ? 'assertion_malformed' : 'assertion_keys_unavailable', detail };
}

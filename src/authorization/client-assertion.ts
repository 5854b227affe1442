import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
  jwksCache,
  jwtVerify,
} from 'jose';
import { ok, type Refusal, type Result, refuse } from '../result';
import { safeFetch } from '../safe-fetch';
import type { AssertionKeys, Client } from './client';

export type AssertionRefusal =
  | 'assertion_unexpected'
  | 'assertion_malformed'
  | 'assertion_algorithm'
  | 'assertion_signature'
  | 'assertion_claim'
  | 'assertion_expired'
  | 'assertion_key_unknown'
  | 'assertion_keys_unavailable';

interface Deps {
  /** `host:port` on loopback that keys may be fetched from. */
  loopbackHosts: readonly string[];
  /** Seconds since the epoch. */
  now: number;
}

const MAX_ASSERTION = 16 * 1024;
const MAX_LIFETIME = 300;
const CLOCK_SKEW = 60;
const MAX_KEYS_BYTES = 64 * 1024;
const KEYS_TIMEOUT_MS = 5_000;
const KEYS_FRESH_MS = 300_000;
/** Their URLs come from clients: what is cached must not grow with them. */
const MAX_CACHED = 256;

/** Keys that were fetched, by URL, for as long as this isolate lives. */
const cachedKeys = new Map<string, JWKSCacheInput>();

/**
 * Verifies a `private_key_jwt` client assertion (RFC 7523 section 3, OpenID Connect Core section 9):
 * signed by the client's key with an algorithm that it named, `iss` and `sub` its id, `aud` one of
 * `audiences` (the issuer first, then the token endpoint), an `exp` at most 5 minutes ahead, a `jti`; a
 * minute of clock skew. The caller refuses a `jti` that it has seen, until `exp` (seconds) plus that minute.
 */
export async function verifyClientAssertion(
  client: Client,
  assertion: string,
  audiences: string[],
  deps: Deps,
): Promise<Result<{ jti: string; exp: number }, Refusal<AssertionRefusal>>> {
  const keys = client.assertion_keys;
  if (!keys || !client.auth_methods.includes('private_key_jwt')) return refuse('assertion_unexpected');
  if (assertion.length > MAX_ASSERTION) return refuse('assertion_malformed', 'too long');
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, keySource(keys, deps), {
      algorithms: keys.algorithms,
      issuer: client.client_id,
      subject: client.client_id,
      audience: audiences,
      requiredClaims: ['exp', 'jti'],
      clockTolerance: CLOCK_SKEW,
      currentDate: new Date(deps.now * 1000),
    });
    const { exp = 0, iat = 0, jti, aud } = payload;
    if (typeof jti !== 'string' || jti === '') return refuse('assertion_claim', 'jti');
    if (exp > deps.now + MAX_LIFETIME + CLOCK_SKEW) return refuse('assertion_claim', 'exp is too far ahead');
    if (iat > deps.now + CLOCK_SKEW) return refuse('assertion_claim', 'iat is in the future');
    // draft-ietf-oauth-rfc7523bis: an assertion of this type is for the issuer and nobody else.
    const isTyped = /^(application\/)?client-authentication\+jwt$/i.test(protectedHeader.typ ?? '');
    if (isTyped && aud !== audiences[0]) return refuse('assertion_claim', 'aud is not the issuer alone');
    return ok({ jti, exp });
  } catch (error) {
    return { ok: false, error: explain(error) };
  }
}

/**
 * Whose assertion this claims to be, for a request without `client_id` (RFC 7521 section 4.2). Unverified:
 * good for nothing but finding the client whose keys it is then verified with.
 */
export function claimedClientId(assertion: string): string | undefined {
  if (assertion.length > MAX_ASSERTION) return undefined;
  try {
    return decodeJwt(assertion).iss;
  } catch {
    return undefined;
  }
}

/** Inline keys, or those at `jwks_uri`: for 5 minutes, and again for an unknown `kid`, but not within 30 s. */
function keySource(keys: AssertionKeys, deps: Deps): JWTVerifyGetKey {
  if (keys.jwks_uri === undefined) return createLocalJWKSet(keys.jwks ?? { keys: [] });
  return createRemoteJWKSet(new URL(keys.jwks_uri), {
    [jwksCache]: cacheOf(keys.jwks_uri),
    [customFetch]: (url) => fetchKeys(url, deps.loopbackHosts),
    cacheMaxAge: KEYS_FRESH_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
  });
}

function cacheOf(jwks_uri: string): JWKSCacheInput {
  const known = cachedKeys.get(jwks_uri);
  if (known) return known;
  if (cachedKeys.size >= MAX_CACHED) cachedKeys.clear();
  const cache: JWKSCacheInput = {};
  cachedKeys.set(jwks_uri, cache);
  return cache;
}

class KeysUnavailable extends Error {}

async function fetchKeys(url: string, loopbackHosts: readonly string[]): Promise<Response> {
  const fetched = await safeFetch(url, {
    maxBytes: MAX_KEYS_BYTES,
    timeoutMs: KEYS_TIMEOUT_MS,
    accept: 'application/jwk-set+json, application/json',
    loopbackHosts,
  });
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

import { decodeJwt } from 'jose';
import { sameUrl } from '../../issuer';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { Client } from '../protocol/client';
import { type AssertionRefusal, type JwtDeps, MAX_JWT, verifyJwt } from '../protocol/jwt';

/** Seconds that an assertion may live. */
const MAX_LIFETIME = 300;

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
  deps: JwtDeps,
): Promise<Result<{ jti: string; exp: number }, Refusal<AssertionRefusal>>> {
  const keys = client.assertion_keys;
  if (!keys || !client.auth_methods.includes('private_key_jwt')) return refuse('assertion_unexpected');
  const rules = {
    issuer: client.client_id,
    subject: client.client_id,
    audience: audiences,
    required: ['exp', 'jti'],
    longest: MAX_LIFETIME,
  };
  const verified = await verifyJwt(assertion, keys, rules, deps);
  if (!verified.ok) return verified;
  const { payload, typ } = verified.value;
  const { exp = 0, jti, aud } = payload;
  if (typeof jti !== 'string' || jti === '') return refuse('assertion_claim', 'jti');
  // draft-ietf-oauth-rfc7523bis: an assertion of this type is for the issuer and nobody else.
  const [issuer = ''] = audiences;
  if (typ === 'client-authentication+jwt' && !(typeof aud === 'string' && sameUrl(aud, issuer))) {
    return refuse('assertion_claim', 'aud is not the issuer alone');
  }
  return ok({ jti, exp });
}

/**
 * Whose assertion this claims to be, for a request without `client_id` (RFC 7521 section 4.2). Unverified:
 * good for nothing but finding the keys that it is then verified with.
 */
export function claimedIssuer(assertion: string): string | undefined {
  if (assertion.length > MAX_JWT) return undefined;
  try {
    const { iss }: { iss?: unknown } = decodeJwt(assertion);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

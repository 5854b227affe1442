import type { JWTPayload } from 'jose';
import { isSubject } from '../../claims';
import type { TrustedIssuer } from '../../config';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { AssertionKeys } from '../protocol/client';
import { type AssertionRefusal, type JwtDeps, verifyJwt } from '../protocol/jwt';

/** A verified token of a trusted issuer. Whether it was used before is not checked yet. */
export interface Assertion {
  /** As the token spells it. It is part of the principal's identity. */
  issuer: string;
  subject: string;
  claims: JWTPayload;
  /** Seconds since the epoch. */
  exp: number;
  /** Whether it is an identity assertion grant (ID-JAG), which is about a person at one client. */
  isIdJag: boolean;
}

/** How a token was presented. */
export interface Presented {
  /** The issuer, as the token spells it. */
  issuer: string;
  /** As `subject_token` (RFC 8693), or as `assertion` (RFC 7523). */
  as: 'subject_token' | 'assertion';
  /** The authenticated client that presents it, if there is one. */
  client_id: string | undefined;
  /** The gate's own origin. */
  origin: string;
}

/** Why a token of a trusted issuer isn't accepted. */
export type TrustRefusal = AssertionRefusal | 'assertion_type' | 'assertion_client';

const ID_JAG = 'oauth-id-jag+jwt';
/** The accepted `typ` values. Tokens of other types (`at+jwt`, `logout+jwt`) were made for something else. */
const TYPES = ['', 'jwt', 'authorization-grant+jwt'];
/** Seconds. The longest lifetimes: an hour, and five minutes for identity assertion grants. */
const LONGEST = 3600;
const LONGEST_ID_JAG = 300;
/** Characters. The longest subjects in use are SPIFFE ids, of up to 2,048. */
const LONGEST_SUBJECT = 2048;
/** Claims that narrow an identity assertion grant. One that isn't a text must not be ignored. */
const NARROWING = ['scope', 'resource'];
/** Claims that would restrict the token in ways that are not supported here. */
const NOT_UNDERSTOOD = ['cnf', 'authorization_details', 'act', 'may_act'];

/**
 * Verifies a token of a trusted issuer (RFC 7523 section 3; for identity assertion grants also
 * draft-ietf-oauth-identity-assertion-authz-grant): its signature, that it is meant for the gate alone, its type, its
 * subject, and that it hasn't expired. The caller makes sure that it is used once. The refusal's `detail` names the claim
 * or type that is wrong.
 *
 * @param assertion the token
 * @param by the issuer in the settings, its keys, and how the token was presented
 */
export async function verifyAssertion(
  assertion: string,
  { trusted, keys, presented }: { trusted: TrustedIssuer; keys: AssertionKeys; presented: Presented },
  deps: JwtDeps,
): Promise<Result<Assertion, Refusal<TrustRefusal>>> {
  const audience = trusted.audience ?? presented.origin;
  const rules = {
    issuer: presented.issuer,
    audience: [audience],
    required: ['sub', 'exp'],
    longest: LONGEST,
  };
  const verified = await verifyJwt(assertion, keys, rules, deps);
  if (!verified.ok) return verified;
  const { payload, typ } = verified.value;
  const { sub, aud, jti } = payload;
  // A NumericDate may have a fraction (RFC 7519 section 2); an `expires_in` has none.
  const exp = Math.floor(payload.exp ?? 0);
  if (Array.isArray(aud) && aud.length > 1) return refuse('assertion_claim', 'aud has others than the gate');
  if (!isSubject(sub, LONGEST_SUBJECT)) return refuse('assertion_claim', 'sub');
  if (jti !== undefined && (typeof jti !== 'string' || jti === '')) return refuse('assertion_claim', 'jti');
  // What is issued ends with the token, so no clock skew is allowed here.
  if (exp <= deps.now) return refuse('assertion_expired');
  const unknown = NOT_UNDERSTOOD.find((name) => payload[name] !== undefined);
  if (unknown !== undefined) return refuse('assertion_claim', `${unknown} is not understood`);
  const isIdJag = typ === ID_JAG && presented.as === 'assertion';
  if (!isIdJag && !TYPES.includes(typ)) return refuse('assertion_type', typ.slice(0, 60));
  const judged = isIdJag ? judgeIdJag(payload, presented, deps.now) : undefined;
  return judged ?? ok({ issuer: presented.issuer, subject: sub, claims: payload, exp, isIdJag });
}

/** The additional checks of an identity assertion grant; undefined when it passes them. */
function judgeIdJag(
  { client_id, jti, iat, exp = 0, ...claims }: JWTPayload,
  presented: Presented,
  now: number,
): { ok: false; error: Refusal<TrustRefusal> } | undefined {
  if (presented.client_id === undefined || client_id !== presented.client_id) {
    return refuse('assertion_client', 'its client_id is another');
  }
  if (jti === undefined) return refuse('assertion_claim', 'jti');
  if (iat === undefined) return refuse('assertion_claim', 'iat');
  const odd = NARROWING.find((name) => claims[name] !== undefined && typeof claims[name] !== 'string');
  if (odd !== undefined) return refuse('assertion_claim', odd);
  if (exp > now + LONGEST_ID_JAG) return refuse('assertion_claim', 'exp is too far ahead');
  return undefined;
}

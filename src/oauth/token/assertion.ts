import type { JWTPayload } from 'jose';
import { isSubject } from '../../claims';
import type { TrustedIssuer } from '../../config';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { AssertionKeys } from '../protocol/client';
import { type AssertionRefusal, type JwtDeps, verifyJwt } from '../protocol/jwt';

/** A trusted issuer's token that passed every check but one: whether it was used before. */
export interface Assertion {
  /** As the token spells it: that is part of who the principal is. */
  issuer: string;
  subject: string;
  claims: JWTPayload;
  /** Seconds since the epoch. */
  exp: number;
  /** Whether it is an identity assertion grant (ID-JAG), which stands for a person at one client. */
  isIdJag: boolean;
}

/** How a token comes in, and so what it may be. */
export interface Presented {
  /** The issuer, as the token spells it. */
  issuer: string;
  /** As `subject_token` (RFC 8693), or as `assertion` (RFC 7523). */
  as: 'subject_token' | 'assertion';
  /** The client that presents it, if one proved who it is. */
  client_id: string | undefined;
  /** The gate's own origin. */
  origin: string;
}

export type TrustRefusal = AssertionRefusal | 'assertion_type' | 'assertion_client';

const ID_JAG = 'oauth-id-jag+jwt';
/** Types of tokens that say who somebody is; others (`at+jwt`, `logout+jwt`) were made for something else. */
const TYPES = ['', 'jwt', 'authorization-grant+jwt'];
/** Seconds that a token may live: workload tokens an hour, identity assertion grants five minutes. */
const LONGEST = 3600;
const LONGEST_ID_JAG = 300;
/** Characters of a subject: a SPIFFE id, the longest of real ones, has 2,048. */
const LONGEST_SUBJECT = 2048;
/** What narrows an identity assertion grant: one of another form must not count as left out. */
const NARROWING = ['scope', 'resource'];
/** What would narrow the grant in ways that nobody here understands. */
const NOT_UNDERSTOOD = ['cnf', 'authorization_details', 'act', 'may_act'];

/**
 * Verifies a token of a trusted issuer (RFC 7523 section 3; for identity assertion grants also
 * draft-ietf-oauth-identity-assertion-authz-grant): signed by it, meant for the gate and nobody else, of a type
 * that is for this, about somebody, not expired. The caller sees to it that it is used once.
 */
export async function verifyAssertion(
  trusted: TrustedIssuer,
  assertion: string,
  keys: AssertionKeys,
  presented: Presented,
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
  if (Array.isArray(aud) && aud.length > 1)
    return refuse('assertion_claim', 'aud has others beside the gate');
  if (!isSubject(sub, LONGEST_SUBJECT)) return refuse('assertion_claim', 'sub');
  if (jti !== undefined && (typeof jti !== 'string' || jti === '')) return refuse('assertion_claim', 'jti');
  // What is issued ends with it, so there is no leeway here.
  if (exp <= deps.now) return refuse('assertion_expired');
  const unknown = NOT_UNDERSTOOD.find((name) => payload[name] !== undefined);
  if (unknown !== undefined) return refuse('assertion_claim', `${unknown} is not understood`);
  const isIdJag = typ === ID_JAG && presented.as === 'assertion';
  if (!isIdJag && !TYPES.includes(typ)) return refuse('assertion_type', typ.slice(0, 60));
  const judged = isIdJag ? judgeIdJag(payload, presented, deps.now) : undefined;
  return judged ?? ok({ issuer: presented.issuer, subject: sub, claims: payload, exp, isIdJag });
}

/** What an identity assertion grant must say beside; undefined when nothing is wrong. */
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

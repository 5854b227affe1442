import { isolateCache } from '../../caches';
import type { TrustedIssuer } from '../../config';
import { decodeUtf8 } from '../../http';
import { canonicalIssuer, sameIssuer } from '../../issuer';
import { outboundFetch } from '../../outbound-fetch';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { ASSERTION_ALGORITHMS, type AssertionKeys } from '../protocol/client';
import { forgetKeys, type JwtDeps } from '../protocol/jwt';

const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;
/** Seconds for which the place of an issuer's keys is cached, and seconds before a failure is tried again. */
const FRESH = 3600;
const RETRY_AFTER = 30;

/** The keys of a trusted issuer. `issuer`: as its discovery document spells it; undefined if none was needed. */
export interface IssuerKeys extends AssertionKeys {
  issuer?: string;
}

interface IssuerDocument {
  issuer: string;
  jwks_uri: string;
}

type Where = Result<IssuerDocument, Refusal<'assertion_keys_unavailable'>>;

/** By canonical issuer; issuers are those of the settings. */
const discovered = isolateCache<{ where: Where; until: number }>('trustedIssuers');
const refetched = isolateCache<number>('refetchedKeys');

/** The keys of a trusted issuer: those in the settings, or those at the `jwks_uri` of its discovery document. */
export async function keysOf(
  trusted: TrustedIssuer,
  deps: JwtDeps,
): Promise<Result<IssuerKeys, Refusal<'assertion_keys_unavailable'>>> {
  const algorithms = [...ASSERTION_ALGORITHMS];
  if (trusted.jwks) return ok({ jwks: trusted.jwks, algorithms });
  if (trusted.jwks_uri !== undefined) return ok({ jwks_uri: trusted.jwks_uri, algorithms });
  const issuer = canonicalIssuer(trusted.issuer);
  const known = discovered().get(issuer);
  const where = known && known.until > deps.now ? known.where : await discover(issuer, deps);
  return where.ok ? ok({ ...where.value, algorithms }) : where;
}

/**
 * Whether to fetch the keys again because a token names one that isn't among them. So a rotated key is found at once, and
 * tokens with made-up key ids cause one request in 30 s at most.
 */
export function mayRefetch(keys: AssertionKeys, now: number): boolean {
  if (keys.jwks_uri === undefined || (refetched().get(keys.jwks_uri) ?? 0) + RETRY_AFTER > now) return false;
  refetched().set(keys.jwks_uri, now);
  forgetKeys(keys.jwks_uri);
  return true;
}

/** OpenID Connect Discovery 1.0 section 4: its `issuer` must be the one that was asked, in any spelling. */
async function discover(issuer: string, deps: JwtDeps): Promise<Where> {
  const where = await fetchJwksUri(issuer, deps);
  discovered().set(issuer, { where, until: deps.now + (where.ok ? FRESH : RETRY_AFTER) });
  return where;
}

async function fetchJwksUri(issuer: string, { loopbackHosts }: JwtDeps): Promise<Where> {
  const url = `${issuer}/.well-known/openid-configuration`;
  const loopback = loopbackHosts.map((host) => `https://${host}`);
  const policy = { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, statuses: 'ok', loopback } as const;
  const fetched = await outboundFetch(url, policy, { headers: { accept: 'application/json' } });
  if (!fetched.ok) return refuse('assertion_keys_unavailable', `discovery: ${fetched.error.reason}`);
  const document = parseJson(decodeUtf8(fetched.value.body)) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  } | null;
  const { issuer: named, jwks_uri } = document ?? {};
  const isIts = typeof named === 'string' && sameIssuer(named, issuer);
  if (!isIts || typeof jwks_uri !== 'string' || !URL.canParse(jwks_uri)) {
    return refuse('assertion_keys_unavailable', 'discovery: not the document of that issuer');
  }
  return ok({ issuer: named, jwks_uri });
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

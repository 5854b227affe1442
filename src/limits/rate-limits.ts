import { record } from '../audit';
import { deploymentOf, type RequestContext } from '../config';
import { addressHash, isSourceKnown, type Sent } from './source';

/**
 * The rate limits, and the binding of each in `wrangler.toml` (`[[ratelimits]]`, which has the numbers). Without its
 * binding, a limit isn't applied. docs/limits.md says what each is for.
 */
export const RATE_LIMITS = {
  /** `POST /oauth/register`, by source. */
  registrations: 'RATE_REGISTRATIONS',
  /** `GET /authorize` that begins an authorization request, by source. */
  authorizations: 'RATE_AUTHORIZATIONS',
  /** Client metadata documents that are fetched, by the host that is asked. */
  documents: 'RATE_DOCUMENTS',
  /** Flows opened by any page, by source. */
  flows: 'RATE_FLOWS',
  /** `POST /oauth/device_authorization`, by source. */
  devices: 'RATE_DEVICES',
  /** `POST /oauth/token`, `/oauth/revoke`, `/oauth/introspect`, by source. */
  tokens: 'RATE_TOKENS',
  /** New visitors, by source. */
  visitors: 'RATE_VISITORS',
  /** New sessions without a credential, by source. */
  sessions: 'RATE_SESSIONS',
  /** Wrong keys, tokens, client secrets, and codes, by source. */
  failures: 'RATE_FAILURES',
  /** Requests to `/mcp…` whose credential names a user, valid or not, by that user and source. */
  requests: 'RATE_REQUESTS',
  /** Tool calls, by user. */
  calls: 'RATE_CALLS',
  /** Tool calls, by user and client. */
  client_calls: 'RATE_CLIENT_CALLS',
} as const;

export type RateLimitName = keyof typeof RATE_LIMITS;

/** Seconds after which a refused caller may try again: the longest period that a binding counts over. */
export const RETRY_AFTER = 60;

/** The tag of each refusal in the log. */
export type RateLimitReason = `rate_${RateLimitName}`;

/** The names of bindings that are missing in `wrangler.toml`. */
export function missingRateLimits(env: Env): string[] {
  return Object.values(RATE_LIMITS).filter((binding) => env[binding] === undefined);
}

/**
 * Counts one request against a limit, for a key, and says whether the request may continue. A refusal is recorded. When
 * the platform can't count, nothing is refused.
 */
export async function mayPass(
  c: Pick<RequestContext, 'var' | 'env'>,
  name: RateLimitName,
  key: string,
  about: { user?: string; client?: string } = {},
): Promise<boolean> {
  if (await isWithin(deploymentOf(c).env[RATE_LIMITS[name]], key)) return true;
  const reason: RateLimitReason = `rate_${name}`;
  record(c, { event: 'rate_limit', outcome: 'refused', reason, ...about });
  return false;
}

/** Counts one request. True without a binding, with a binding of another kind, and when the platform can't count. */
async function isWithin(limiter: RateLimit | undefined, key: string): Promise<boolean> {
  try {
    return (await limiter?.limit({ key }))?.success !== false;
  } catch {
    return true;
  }
}

/**
 * As {@link mayPass}, by the request's source. On a public host, only the gate's calls of itself have no source, and
 * they always pass. In local development, all requests without a source share one.
 */
export async function mayPassFrom(c: Sent, name: RateLimitName, more = ''): Promise<boolean> {
  if (!isSourceKnown(c) && !deploymentOf(c).local) return true;
  const source = await addressHash(c);
  return mayPass(c, name, more === '' ? source : `${source} ${more}`);
}

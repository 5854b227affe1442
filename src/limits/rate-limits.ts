import { record } from '../audit';
import { deploymentOf, type RequestContext } from '../config';
import { addressHash, isSourceKnown, type Sent } from './source';

/**
 * What is limited by rate, and by which binding of `wrangler.toml` (`[[ratelimits]]`, where the numbers are). A binding
 * that isn't there limits nothing. docs/limits.md lists what each is for.
 */
export const RATE_LIMITS = {
  /** `POST /oauth/register`, by source. */
  registrations: 'RATE_REGISTRATIONS',
  /** `GET /authorize` that begins something, by source. */
  authorizations: 'RATE_AUTHORIZATIONS',
  /** Client metadata documents that are fetched, by the host that is asked. */
  documents: 'RATE_DOCUMENTS',
  /** Flows opened by any page, by source. */
  flows: 'RATE_FLOWS',
  /** `POST /oauth/device_authorization`, by source. */
  devices: 'RATE_DEVICES',
  /** `POST /oauth/token`, `/oauth/revoke`, `/oauth/introspect`, by source. */
  tokens: 'RATE_TOKENS',
  /** Visitors that begin, by source. */
  visitors: 'RATE_VISITORS',
  /** Sessions that begin without a credential, by source. */
  sessions: 'RATE_SESSIONS',
  /** Keys, tokens, client secrets and codes that were wrong, by source. */
  failures: 'RATE_FAILURES',
  /** Requests to `/mcp…` that name a user, right or wrong, by that user and source. */
  requests: 'RATE_REQUESTS',
  /** Tool calls, by user. */
  calls: 'RATE_CALLS',
  /** Tool calls, by user and client. */
  client_calls: 'RATE_CLIENT_CALLS',
} as const;

export type RateLimitName = keyof typeof RATE_LIMITS;

/** Seconds after which whoever met a limit may try again: the longest period that a binding counts over. */
export const RETRY_AFTER = 60;

/** What each refusal is called in the log. */
export type RateLimitReason = `rate_${RateLimitName}`;

/** The limits without a binding, by the names that `wrangler.toml` gives them. */
export function missingRateLimits(env: Env): string[] {
  return Object.values(RATE_LIMITS).filter((binding) => env[binding] === undefined);
}

/**
 * Counts one request against a limit, for a key: whether it may go on. A refusal is recorded. When the platform can't
 * count, nobody is refused.
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

/** Counts one request. Without a binding, with one of another kind, and when the platform can't count: true. */
async function isWithin(limiter: RateLimit | undefined, key: string): Promise<boolean> {
  try {
    return (await limiter?.limit({ key }))?.success !== false;
  } catch {
    return true;
  }
}

/**
 * As {@link mayPass}, by the request's source. The gate's calls of itself have none, and pass: on a public host every
 * other request has one. In local development those without one share one.
 */
export async function mayPassFrom(c: Sent, name: RateLimitName, more = ''): Promise<boolean> {
  if (!isSourceKnown(c) && !deploymentOf(c).local) return true;
  const source = await addressHash(c);
  return mayPass(c, name, more === '' ? source : `${source} ${more}`);
}

import type { Context, MiddlewareHandler } from 'hono';
import { NO_STORE, readForm } from '../http';
import { ok } from '../result';
import { type PageResult, refusePage } from '../ui';
import { mayPassFrom, type RateLimitName, RETRY_AFTER } from './rate-limits';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/** Middleware of an endpoint for clients: counts requests by source before anything else of them is looked at. */
export function limitClients(name: RateLimitName): MiddlewareHandler {
  return async (c, next) => {
    if (await mayPassFrom(c, name)) return next();
    const form = await readForm(c.req.raw);
    return tooManyRequests(c, form.ok ? form.value.get('grant_type') : null);
  };
}

/**
 * 429 for a client, with `Retry-After`. RFC 6749 has no code for it; `temporarily_unavailable` is what its section
 * 4.1.2.1 calls a server that can't handle the request now. `grantType`: that of a token request. A device that polls
 * gets `slow_down` (RFC 8628 section 3.5), because any other error would end its sign-in.
 */
export function tooManyRequests(c: Context, grantType: string | null = null): Response {
  const error = grantType === DEVICE_CODE ? 'slow_down' : 'temporarily_unavailable';
  const error_description = 'Too many requests from your network; try again in a minute';
  const headers = { ...NO_STORE, 'Retry-After': String(RETRY_AFTER) };
  return c.json({ error, error_description }, 429, headers);
}

/** Counts one request of a browser against a limit, by source; refused as `too_many_requests`. */
export async function checkLimit(c: Context, name: RateLimitName): Promise<PageResult<null>> {
  return (await mayPassFrom(c, name)) ? ok(null) : refusePage('too_many_requests');
}

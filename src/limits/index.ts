/** Rate limits by source, user, and client, and the answers to requests that exceed them. */
export { checkLimit, limitClients, tooManyRequests } from './middleware';
export { mayPass, mayPassFrom, missingRateLimits, RETRY_AFTER } from './rate-limits';
export { type Source, sourceOf } from './source';

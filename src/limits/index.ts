/** What of one source, user or client is too much in a minute, and how each is told. */
export { limitClients, requireWithinLimit, tooManyRequests } from './middleware';
export { mayPass, mayPassFrom, missingRateLimits, RETRY_AFTER } from './rate-limits';
export { type Source, sourceOf } from './source';

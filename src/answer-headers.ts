import type { MiddlewareHandler } from 'hono';

/** For all that is no page of ours: shown in a browser by itself, it can do nothing (CSP 3, "sandbox"). */
const SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'";

/** A browser never guesses the type of an answer, be it a refusal or an error. */
export const noSniff: MiddlewareHandler = async (c, next) => {
  await next();
  c.header('X-Content-Type-Options', 'nosniff');
};

/**
 * Where text of others comes back: an answer without a policy of its own, as pages have, is sandboxed. (No policy of
 * a server behind the gate gets this far.)
 */
export const sandboxed: MiddlewareHandler = async (c, next) => {
  await next();
  if (!c.res.headers.has('content-security-policy')) c.header('Content-Security-Policy', SANDBOX);
};

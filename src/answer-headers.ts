import type { MiddlewareHandler } from 'hono';

/** For all that is no page of ours: shown in a browser by itself, it can do nothing (CSP 3, "sandbox"). */
const SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'";

/**
 * Makes every answer harmless in a browser, refusals and errors included: its type is never guessed, and without a
 * policy of its own, as pages have, it is sandboxed. (No policy of a server behind the gate gets this far.)
 */
export const harmlessAnswers: MiddlewareHandler = async (c, next) => {
  await next();
  c.header('X-Content-Type-Options', 'nosniff');
  if (!c.res.headers.has('content-security-policy')) c.header('Content-Security-Policy', SANDBOX);
};

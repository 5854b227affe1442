import { secureHeaders } from 'hono/secure-headers';

/**
 * What hono's `secureHeaders` would set by itself, turned off: our pages set what a page needs (`ui/render.ts`), and
 * for other answers, such as those of a server at `/mcp/{server}`, only what is named below is ours to say.
 */
const NONE = {
  crossOriginOpenerPolicy: false,
  crossOriginResourcePolicy: false,
  originAgentCluster: false,
  referrerPolicy: false,
  removePoweredBy: false,
  strictTransportSecurity: false,
  xContentTypeOptions: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} as const;

/** Middleware for every answer: a browser never guesses its type, be it a refusal or an error. */
export const noSniff = secureHeaders({ ...NONE, xContentTypeOptions: true });

/**
 * Middleware for paths where text of others comes back: an answer without a `Content-Security-Policy` of its own is
 * sandboxed, so that it can do nothing when a browser shows it by itself (CSP 3, "sandbox"). Our pages have one of
 * their own; what a server behind the gate sends as such is dropped before it gets here.
 */
export const sandboxed = secureHeaders({
  ...NONE,
  contentSecurityPolicy: { defaultSrc: ["'none'"], sandbox: [], frameAncestors: ["'none'"] },
  overwrite: false,
});

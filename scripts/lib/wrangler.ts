import { fileURLToPath } from 'node:url';

/** The repository's folder, without a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url).href).replace(/\/$/, '');

/** Keeps `wrangler` from asking questions, sending reports, and checking for updates. */
export const QUIET = {
  CI: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
} as const;

/** The arguments of `node` that run this repository's `wrangler`. */
export function wranglerCommand(args: readonly string[]): string[] {
  return [`${ROOT}/node_modules/wrangler/bin/wrangler.js`, ...args];
}

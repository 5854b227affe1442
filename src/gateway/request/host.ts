import type { Context, MiddlewareHandler } from 'hono';
import { record } from '../../audit';
import { deploymentOf, type Problem, type Settings } from '../../config';
import { isLoopbackHost } from '../../hosts';
import { writeLog } from '../../log';
import { showProblem } from '../../ui';
import { isPageVisit } from './browser-request';

/**
 * Middleware of all paths: where `PUBLIC_URL` is set, refuses a request that was sent to another host, before anything
 * else looks at it. 403 for a web page's (DNS rebinding: MCP transport, "Security Warning"), else 421 (RFC 9110
 * section 15.5.20).
 */
export const refuseForeignHost: MiddlewareHandler = async (c, next) => {
  const { settings, requestId: request_id } = deploymentOf(c);
  const foreign = foreignHost(c.req.raw, settings);
  if (foreign === undefined) return next();
  record(c, { event: 'request', outcome: 'refused', reason: 'host_not_ours', detail: foreign });
  const about = settings.publicUrl ?? '';
  if (isPageVisit(c.req.raw)) return showProblem(c, { reason: 'host_not_ours', about });
  const fromPage = c.req.header('origin') !== undefined;
  const error = fromPage ? 'access_denied' : 'misdirected_request';
  const error_description = `This gate answers at ${about} only; see PUBLIC_URL and HOSTS`;
  return c.json({ error, error_description, request_id }, fromPage ? 403 : 421);
};

/**
 * The host that a request was sent to, when it is not ours. Ours are `PUBLIC_URL`'s, those in `HOSTS`, and this
 * computer's (the end of a tunnel, a probe). Undefined when it is ours, or when `PUBLIC_URL` is not set.
 */
function foreignHost(request: Request, { publicUrl, hosts }: Settings): string | undefined {
  if (publicUrl === undefined) return undefined;
  const own = [new URL(publicUrl).host, ...hosts];
  const { host } = new URL(request.url);
  // Over a network both say the same; where they differ, each must be ours.
  const named = [host, request.headers.get('host') ?? host];
  return named.find((one) => !isLoopback(one) && !own.includes(withoutDefaultPort(one)));
}

function isLoopback(host: string): boolean {
  const url = `http://${host}`;
  return (
    URL.canParse(url) &&
    new URL(url).host === withoutDefaultPort(host) &&
    isLoopbackHost(new URL(url).hostname)
  );
}

/** `example.com` for `example.com:443`, which clients of other schemes than the origin's may write. */
function withoutDefaultPort(host: string): string {
  return host.toLowerCase().replace(/:(443|80)$/, '');
}

const warned = new WeakSet<object>();

/** Settings that work and are better changed, as `/health` lists them; logged once per isolate. */
export function warningsFor(c: Context): Problem[] {
  const { settings, env } = deploymentOf(c);
  if (settings.publicUrl !== undefined || isLoopbackHost(new URL(c.req.url).hostname)) return [];
  const warnings = [NO_PUBLIC_URL];
  if (!warned.has(env)) {
    warned.add(env);
    writeLog('warn', { event: 'settings', outcome: 'ok', warnings }, WARNING);
  }
  return warnings;
}

/** The most characters of each sentence in the log. */
const WARNING = 300;

const NO_PUBLIC_URL: Problem = {
  setting: 'PUBLIC_URL',
  problem: 'it is not set on a public host: whatever Host a request names is taken for the gate’s own',
  fix: 'PUBLIC_URL = "https://mcp.example.com", the origin that clients are given',
};

import type { MiddlewareHandler } from 'hono';
import { record } from '../../audit';
import { type Deployment, deploymentOf } from '../../config';
import { isLoopbackHost } from '../../hosts';
import { isPageVisit } from './browser-request';

/** Web pages of known clients, which may call `/mcp…` from a browser unless `ORIGINS` says otherwise. */
const VENDOR_ORIGINS = [
  'https://claude.ai',
  'https://claude.com',
  'https://chatgpt.com',
  'https://www.cursor.com',
  'https://cursor.com',
  'https://vscode.dev',
  'https://insiders.vscode.dev',
];

/**
 * Middleware of the MCP paths: 403 for a web page that may not call (MCP transport, "Security Warning": `Origin` must
 * be checked), whether or not the settings are usable.
 */
export const refuseForeignOrigin: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header('origin');
  if (origin === undefined || isPageVisit(c.req.raw) || isAllowedOrigin(deploymentOf(c), origin))
    return next();
  record(c, { event: 'mcp_request', outcome: 'refused', reason: 'origin_not_allowed', detail: origin });
  return c.json({ error: 'access_denied', error_description: 'This origin may not call; see ORIGINS' }, 403);
};

function isAllowedOrigin({ origin: own, settings }: Deployment, origin: string): boolean {
  // Without `PUBLIC_URL` our own origin is whatever the request's Host says, and a page that points its own name at
  // this computer (DNS rebinding) would say the same. On loopback no page can.
  const known = settings.publicUrl !== undefined || isLoopbackHost(new URL(own).hostname);
  if (known && origin === own) return true;
  if (settings.origins) return settings.origins.includes(origin);
  if (VENDOR_ORIGINS.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  return /^https?:$/.test(protocol) && isLoopbackHost(hostname);
}

import type { Context } from 'hono';
import { record } from '../audit';
import { isLoopbackHost } from '../config';
import { type Site, siteOf } from '../site';

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

/** Refuses a web page that may not call (MCP transport, "Security Warning": `Origin` must be checked). */
export function checkOrigin(c: Context): Response | undefined {
  const origin = c.req.header('origin');
  if (origin === undefined || isAllowedOrigin(siteOf(c), origin)) return undefined;
  const detail = origin.slice(0, 200);
  record(c, { event: 'mcp_request', outcome: 'refused', reason: 'origin_not_allowed', detail });
  return c.json({ error: 'access_denied', error_description: 'This origin may not call; see ORIGINS' }, 403);
}

function isAllowedOrigin({ origin: own, settings }: Site, origin: string): boolean {
  if (origin === own) return true;
  if (settings.origins) return settings.origins.includes(origin);
  if (VENDOR_ORIGINS.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  return /^https?:$/.test(protocol) && isLoopbackHost(hostname);
}

import type { MiddlewareHandler } from 'hono';
import { record } from '../../audit';
import { deploymentOf } from '../../config';

/** Whether a person opens the address in a browser, who gets a page: GET or HEAD that accepts `text/html`. */
export function isPageVisit(request: Request): boolean {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  return reads && (request.headers.get('accept') ?? '').includes('text/html');
}

/**
 * Middleware of the MCP paths: 403 for what a browser sends without a preflight, as it says by Fetch Metadata: a form,
 * a link, an image, a `fetch` in `no-cors` mode. MCP clients in web pages send JSON by `fetch`, whose origin
 * `refuseForeignOrigin` judges. A browser without Fetch Metadata is stopped by the type of the body: only JSON is
 * read as a message.
 */
export const refuseForms: MiddlewareHandler = async (c, next) => {
  const request = c.req.raw;
  if (isPageVisit(request)) return next();
  const how = navigatesOrEmbeds(request.headers);
  if (how === undefined) return next();
  record(c, { event: 'mcp_request', outcome: 'refused', reason: 'not_by_fetch', detail: how });
  const error_description =
    'This address is for MCP clients; a form, a link or an embedded file can’t use it';
  const { requestId: request_id } = deploymentOf(c);
  return c.json({ error: 'access_denied', error_description, request_id }, 403);
};

/** The Fetch Metadata header (W3C) that shows anything but a `fetch` under CORS; undefined when none does. */
function navigatesOrEmbeds(headers: Headers): string | undefined {
  const mode = headers.get('sec-fetch-mode') ?? 'cors';
  if (!['cors', 'same-origin'].includes(mode)) return `Sec-Fetch-Mode: ${mode}`;
  const use = headers.get('sec-fetch-dest') ?? 'empty';
  return use === 'empty' ? undefined : `Sec-Fetch-Dest: ${use}`;
}

/** The media type without its parameters, in lower case; empty when there is none (RFC 9110 section 8.3). */
export function mediaType({ headers }: { headers: Headers }): string {
  const [, type = ''] = /^[ \t]*([^;]*?)[ \t]*(?:;|$)/.exec(headers.get('content-type') ?? '') ?? [];
  return type.toLowerCase();
}

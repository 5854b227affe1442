import { createMcpHandler } from 'agents/mcp/server';
import { type Context, Hono } from 'hono';
import { authorizationServerMetadata, protectedResourceMetadata } from '../authorization';
import { type Site, siteOf } from '../site';
import { brandingOf, showPage } from '../ui';
import { challenge } from './challenge';
import { ConnectPage } from './connect-page';
import { checkOrigin } from './origins';
import { ownServer } from './own-tools';
import { identify } from './principal';

const VERSION = '0.1.0';

/** `/.well-known/…`: what clients read before anything else. */
export const metadataRoutes = new Hono<{ Bindings: Env }>()
  .get('/.well-known/oauth-authorization-server/:path{mcp}?', (c) =>
    c.json(authorizationServerMetadata(siteOf(c))),
  )
  .get('/.well-known/oauth-protected-resource/:path{mcp}?', (c) => {
    const { origin } = siteOf(c);
    const resource = c.req.param('path') ? `${origin}/mcp` : origin;
    return c.json(protectedResourceMetadata(siteOf(c), resource));
  });

/** `/` and `/mcp`: one endpoint, two resources, and for a browser the page that tells how to connect. */
export const gatewayRoutes = new Hono<{ Bindings: Env }>()
  .all('/', (c) => serve(c, siteOf(c).origin))
  .all('/mcp', (c) => serve(c, `${siteOf(c).origin}/mcp`));

async function serve(c: Context, resource: string): Promise<Response> {
  const site = siteOf(c);
  if (isBrowser(c.req.raw)) return showConnectPage(c, site);
  const refused = checkOrigin(c);
  if (refused) return refused;
  const principal = await identify(c, resource);
  if (!principal.ok) return challenge(c, resource, principal.error);
  const deployment = { name: site.settings.name, version: VERSION };
  const handler = createMcpHandler(() => ownServer(principal.value, deployment), {
    corsOptions: false,
    // Checked by `checkOrigin`, against the settings.
    allowedOriginHostnames: '*',
  });
  return handler.fetch(new Request(new URL('/mcp', c.req.url), c.req.raw));
}

function isBrowser(request: Request): boolean {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  return reads && (request.headers.get('accept') ?? '').includes('text/html');
}

function showConnectPage(c: Context, site: Site): Promise<Response> {
  const { origin } = site;
  return showPage(c, <ConnectPage branding={brandingOf(site)} url={`${origin}/mcp`} origin={origin} />);
}

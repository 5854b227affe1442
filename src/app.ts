import { type Context, Hono, type Env as HonoEnv } from 'hono';
import { cors } from 'hono/cors';
import type { Schema } from 'hono/types';
import { adminApi, adminPages } from './admin';
import { noSniff, sandboxed } from './answer-headers';
import { record } from './audit';
import { deploymentOf } from './config';
import { clientDocumentRoutes, connectPages } from './connections';
import {
  guardSettings,
  health,
  isPageVisit,
  mcpRoutes,
  metadataRoutes,
  originRoutes,
  readSettings,
  refuseForeignHost,
  refuseForeignOrigin,
} from './gateway';
import { authorizePages, devicePages, oauthEndpoints } from './oauth';
import { accountApi, accountPages } from './self-service';
import { receiveFormPost, signInPages, signOutPages } from './sign-in';
import { failAsPage, logo, ownFormsOnly, showProblem } from './ui';

/** The paths of MCP messages. */
const MCP_PATHS = ['/', '/mcp/*'];
/** The paths that web pages of any origin may call (CORS): no cookie is read there. */
const CLIENT_PATHS = [...MCP_PATHS, '/oauth/*', '/.well-known/*'];

const anyOrigin = cors({
  origin: '*',
  allowMethods: ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'],
  exposeHeaders: ['WWW-Authenticate', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'Retry-After'],
  maxAge: 86_400,
});

/** The Worker's paths, in the order in which a request meets them. */
export const app = new Hono<{ Bindings: Env }>({ strict: false }).onError(failAsJson).notFound(nothingHere);

// What every request passes first. A preflight is answered before anything else looks at it.
app.use(noSniff);
for (const path of CLIENT_PATHS) app.use(path, sandboxed);
for (const path of [...CLIENT_PATHS, '/health']) app.use(path, anyOrigin);
app.use(readSettings);
app.use(refuseForeignHost);
for (const path of MCP_PATHS) app.use(path, refuseForeignOrigin);
app.get('/health', health);
app.use(guardSettings);

// For clients, and for providers that read our client metadata documents.
app.route('/.well-known', json(metadataRoutes));
app.route('/oauth', json(oauthEndpoints));
app.route('/oauth', json(clientDocumentRoutes));

// For people.
app.route('/authorize', pages(authorizePages));
app.route('/device', pages(devicePages));
// A form of the provider's: it changes nothing, and is no form of ours.
app.post('/sign-in/callback', receiveFormPost);
app.route('/sign-in', pages(signInPages));
app.route('/sign-out', pages(signOutPages));
app.route('/connect', pages(connectPages));
app.get('/logo', logo);

// What people do with their own accounts, as pages and as JSON, and what admins do with everybody's.
app.route('/account', pages(accountPages));
app.route('/admin', pages(adminPages));
app.route('/api/admin', json(adminApi));
app.route('/api', json(accountApi));

// The MCP servers. A person who opens these addresses gets a page.
app.route('/mcp', pageOrJson(mcpRoutes));
app.route('/', pageOrJson(originRoutes));

/** A router whose answers are pages: its forms must be our own, and what goes wrong is a page. */
function pages<E extends HonoEnv, S extends Schema>(routes: Hono<E, S>) {
  return new Hono<E>().onError(failAsPage).use(ownFormsOnly).route('/', routes);
}

/** A router for programs: what goes wrong is JSON. */
function json<E extends HonoEnv, S extends Schema>(routes: Hono<E, S>) {
  return new Hono<E>().onError(failAsJson).route('/', routes);
}

/** A router for programs whose addresses people open too. */
function pageOrJson<E extends HonoEnv, S extends Schema>(routes: Hono<E, S>) {
  const fail = (error: Error, c: Context) =>
    isPageVisit(c.req.raw) ? failAsPage(error, c) : failAsJson(error, c);
  return new Hono<E>().onError(fail).route('/', routes);
}

/** 500 with the request id, by which the operator finds the cause in the log. */
function failAsJson(error: Error, c: Context): Response {
  // Nothing can be recorded before `readSettings` is done.
  if (!c.var.deployment) return c.json({ error: 'server_error', error_description: error.name }, 500);
  const detail = `${error.name}: ${error.message}`;
  record(c, { event: 'page', outcome: 'failed', reason: 'internal_error', detail });
  const { requestId: request_id } = deploymentOf(c);
  const error_description = 'Something went wrong; try again';
  return c.json({ error: 'server_error', error_description, request_id }, 500);
}

/** 404: a page for a client that accepts one, else JSON. Also the answer of a handler's `c.notFound()`. */
async function nothingHere(c: Context): Promise<Response> {
  const wantsPage = (c.req.header('accept') ?? '').includes('text/html');
  if (wantsPage) return showProblem(c, { reason: 'not_found' });
  return c.json({ error: 'not_found', error_description: 'There is nothing at this path' }, 404);
}

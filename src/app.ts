import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { adminCallbacksApi, adminKeysApi } from './admin';
import { noSniff, sandboxed } from './answer-headers';
import { record } from './audit';
import { deploymentOf } from './config';
import { connectRoutes } from './connections';
import {
  gatewayRoutes,
  guardSettings,
  health,
  metadataRoutes,
  oneCredential,
  readSettings,
  refuseForeignHost,
  refuseForeignOrigin,
  refuseForms,
} from './gateway';
import { limitClients } from './limits';
import { authorizeRoutes, deviceRoutes, oauthRoutes } from './oauth';
import { accountApi, accountHome, connectionPages, connectionsApi, keysApi, keysPages } from './self-service';
import { currentSignIn, signInRoutes } from './sign-in';
import { logoRoute, PageProblem, renderProblem } from './ui';
import { tryCredential } from './upstream';

/** What pages of any origin may read of our answers. No cookie means anything at these paths. */
const anyOrigin = cors({
  origin: '*',
  allowMethods: ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'],
  exposeHeaders: ['WWW-Authenticate', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'Retry-After'],
  maxAge: 86_400,
});

/** Where messages of MCP are answered, and all below it. */
const MCP_PATHS = ['/', '/mcp/*'];

/** The routes, in the order in which a request meets them. */
export const app = new Hono<{ Bindings: Env }>({ strict: false });

app.use(noSniff);
for (const path of [...MCP_PATHS, '/oauth/*', '/.well-known/*']) app.use(path, sandboxed);

// Clients call these from web pages too: a preflight is answered before anything else looks at it.
for (const path of ['/', '/mcp/*', '/oauth/*', '/.well-known/*', '/health']) app.use(path, anyOrigin);

app.use(readSettings);
app.use(refuseForeignHost);
for (const path of MCP_PATHS) app.use(path, refuseForeignOrigin);
app.use(guardSettings);
app.get('/health', health);

// How often one address may ask, before anything else of the request is looked at.
app.use('/oauth/register', limitClients('registrations'));
app.use('/oauth/device_authorization', limitClients('devices'));
for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
  app.use(path, limitClients('tokens'));
}

app.route('/', metadataRoutes);
app.route('/', oauthRoutes);
app.route('/', authorizeRoutes);
app.route('/', deviceRoutes);
app.route('/', signInRoutes);
app.route('/', adminKeysApi);
app.route('/', adminCallbacksApi);
app.route('/', keysApi(currentSignIn));
app.route('/', accountApi(currentSignIn));
app.route('/', accountHome(currentSignIn, ['connections', 'keys']));
app.route('/', connectionsApi);
app.route('/', connectionPages(tryCredential));
app.route('/', connectRoutes(tryCredential));
app.route('/', keysPages(currentSignIn));
app.route('/', logoRoute);
// Nothing that a form can send, and one credential or none, before anybody asks whose it is.
for (const path of MCP_PATHS) app.use(path, refuseForms);
for (const path of ['/', '/mcp/:server?']) app.use(path, oneCredential);
app.route('/', gatewayRoutes);

app.notFound((c) => {
  const wantsPage = (c.req.header('accept') ?? '').includes('text/html');
  if (wantsPage) return renderProblem(c, new PageProblem('not_found'));
  return c.json({ error: 'not_found', error_description: 'There is nothing at this path' }, 404);
});

app.onError((error, c) => {
  if (!c.var.deployment) return c.json({ error: 'server_error', error_description: error.name }, 500);
  const problem = error instanceof PageProblem ? error : new PageProblem('internal_error');
  const expected = problem === error;
  const detail = expected ? problem.options.detail : `${error.name}: ${error.message}`;
  record(c, { event: 'page', outcome: expected ? 'refused' : 'failed', reason: problem.tag, detail });
  const api = /^\/(api|oauth|mcp|\.well-known|health)\b/.test(c.req.path);
  if (!api) return renderProblem(c, problem);
  const { requestId: request_id } = deploymentOf(c);
  return c.json(
    { error: 'server_error', error_description: 'Something went wrong; try again', request_id },
    500,
  );
});

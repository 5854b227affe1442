import { type Context, Hono } from 'hono';
import { mayKnow } from '../account';
import { seconds } from '../clock';
import { type Deployment, deploymentOf, type ServerSetting } from '../config';
import { authorizationServerMetadata, protectedResourceMetadata } from '../oauth';
import { mergedResource, originResource, type Resource, serverResource } from '../resource';
import { ok, type Refusal, type Result } from '../result';
import { brandingOf, showPage } from '../ui';
import { isAnonymous, publicKeys } from '../upstream';
import { ConnectPage } from './connect-page';
import { forward } from './proxy/forward';
import { isFixedToken, mayServeEveryone, passThrough } from './proxy/passthrough';
import { admitMethod } from './request/admit-method';
import { isPageVisit, refuseForms } from './request/browser-request';
import { oneCredential } from './request/credential-placement';
import type { PresentedCredentialRefusal } from './request/credentials';
import { identify } from './request/identify';
import { limitCalls, refuseCredential } from './request/limits';
import { readRequest } from './request/message';
import { onlyRecorded } from './request/only-recorded';
import { type McpRefusal, toJsonRpcError } from './request/refusal';
import { identifyBySession, serveSession, serveUnowned } from './session/serve';
import { serveStateless } from './session/stateless';

/** The longest message to the gate's own tools. */
const MAX_MESSAGE_BYTES = 4_194_304;
/** The longest message of somebody without a credential, who can only begin a session and sign in. */
const MAX_STRANGER_BYTES = 65_536;

/** `/.well-known`: what clients and servers read before anything else (RFC 9728, RFC 8414, JWKS). */
export const metadataRoutes = new Hono<{ Bindings: Env }>()
  .get('/jwks.json', async (c) => {
    const keys = await publicKeys(deploymentOf(c), seconds());
    return c.json(keys, 200, { 'Cache-Control': 'public, max-age=3600' });
  })
  .get('/oauth-authorization-server/mcp/:server', (c) => {
    const server = findServer(c);
    const ours = server && server.auth !== 'passthrough';
    return ours ? c.json(authorizationServerMetadata(deploymentOf(c))) : c.notFound();
  })
  .get('/oauth-protected-resource/mcp/:server', (c) => {
    const server = findServer(c);
    if (!server || isFixedToken(c, server)) return c.notFound();
    const resource = serverResource(deploymentOf(c), server);
    return c.json(protectedResourceMetadata(deploymentOf(c), resource, server));
  })
  .get('/oauth-authorization-server/:path{mcp}?', (c) => c.json(authorizationServerMetadata(deploymentOf(c))))
  .get('/oauth-protected-resource/:path{mcp}?', (c) => {
    const deployment = deploymentOf(c);
    const resource = c.req.param('path') ? mergedResource(deployment) : originResource(deployment);
    return c.json(protectedResourceMetadata(deployment, resource));
  });

/** `/`: the endpoint of `/mcp` as a resource of its own; for a browser the page that says how to connect. */
export const originRoutes = new Hono<{ Bindings: Env }>()
  .use('/', refuseForms, onlyRecorded, oneCredential)
  .all('/', (c) => serve(c, originResource(deploymentOf(c))));

/** `/mcp`: all servers of the principal as one, and each by itself; for a browser the same page. */
export const mcpRoutes = new Hono<{ Bindings: Env }>()
  .use(refuseForms, onlyRecorded)
  // It reads the server's name from the path.
  .use('/:server?', oneCredential)
  .all('/', (c) => serve(c, mergedResource(deploymentOf(c))))
  .all('/:server', (c) => serveServer(c));

function findServer(c: Context): ServerSetting | undefined {
  return deploymentOf(c).settings.servers.find(({ name }) => name === c.req.param('server'));
}

/** `/mcp/{server}`: for a known principal who may use it; for anybody else it isn't there. */
async function serveServer(c: Context): Promise<Response> {
  const deployment = deploymentOf(c);
  if (isPageVisit(c.req.raw)) return showConnectPage(c, deployment);
  const server = findServer(c);
  if (!server) return c.notFound();
  if (server.auth === 'passthrough') {
    return mayServeEveryone(c, server) ? answerOf(await passThrough(c, server)) : c.notFound();
  }
  const resource = serverResource(deployment, server);
  const principal = await identify(c, resource, server);
  if (!principal.ok) return toJsonRpcError(await refuseCredential(c, resource, principal.error));
  const { identity, servers } = principal.value;
  if (!mayKnow(server, identity) || !servers.includes(server.name)) return c.notFound();
  return answerOf(await forward(c, server, principal.value));
}

function answerOf(answer: Result<Response, McpRefusal>): Response {
  return answer.ok ? answer.value : toJsonRpcError(answer.error);
}

async function serve(c: Context, resource: Resource): Promise<Response> {
  const deployment = deploymentOf(c);
  if (isPageVisit(c.req.raw)) return showConnectPage(c, deployment);
  const principal = await identify(c, resource);
  if (!principal.ok) {
    const session = await serveStranger(c, resource, principal.error);
    return session ?? toJsonRpcError(await refuseCredential(c, resource, principal.error));
  }
  const read = await readRequest(c.req.raw, MAX_MESSAGE_BYTES, 'gate');
  if (!read.ok) return toJsonRpcError(read.error);
  const { message, stateless } = read.value;
  const limited = await limitCalls(c, principal.value, message);
  if (!limited.ok) return toJsonRpcError(limited.error);
  const admitted = admitMethod(c, message, principal.value, { resource });
  if (!admitted.ok) return toJsonRpcError(admitted.error);
  const session = stateless ? undefined : await serveSession(c, principal.value, message);
  if (session) return session;
  if (message) return serveStateless(c, principal.value, message);
  // Without a session there is no stream to open, and nothing to end.
  if (c.req.method === 'DELETE') return c.body(null, 204);
  return toJsonRpcError({ reason: 'method_not_allowed', allow: 'POST, DELETE' });
}

/**
 * A session of somebody without a credential, where the settings let one begin so; else undefined. Of their messages
 * no more is read than it takes to begin one and to sign in.
 */
async function serveStranger(c: Context, resource: Resource, { reason }: Refusal) {
  const missing = reason === ('credential_missing' satisfies PresentedCredentialRefusal);
  if (!missing || deploymentOf(c).settings.unauthenticated !== 'authorize_tool') return undefined;
  const acting = await identifyBySession(c, resource);
  const known = acting !== undefined && !isAnonymous(acting);
  const read = await readRequest(c.req.raw, known ? MAX_MESSAGE_BYTES : MAX_STRANGER_BYTES, 'gate');
  if (!read.ok) return known ? toJsonRpcError(read.error) : undefined;
  const { message, stateless } = read.value;
  if (stateless) return undefined;
  if (!acting) return toJsonRpcError({ reason: 'session_not_found', id: message?.id });
  const admitted = known ? admitMethod(c, message, acting, { resource }) : ok(undefined);
  return admitted.ok ? serveUnowned(c, acting, message) : toJsonRpcError(admitted.error);
}

function showConnectPage(c: Context, deployment: Deployment): Promise<Response> {
  const { origin } = deployment;
  const { url } = mergedResource(deployment);
  return showPage(c, <ConnectPage branding={brandingOf(deployment)} url={url} origin={origin} />);
}

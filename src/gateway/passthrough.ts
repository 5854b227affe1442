import type { Context } from 'hono';
import { parseToken } from '../account';
import { record } from '../audit';
import { type ServerSetting, titleOf } from '../config';
import { isUserId } from '../crypto';
import { siteOf } from '../site';
import { challenge, resourceMetadataUrl } from './challenge';
import { serverFault } from './rpc-error';
import { callServer, forwardedHeaders, returnedHeaders, serverResource, serverSecret } from './upstream';

/**
 * `/mcp/{server}` of a server with `auth = "passthrough"`: the caller's own `Authorization` goes through
 * untouched and unchecked, to that server alone, whose own authorization server stays the only judge. With a
 * secret set it is a fixed-token server: the secret fills in for a caller that brings none.
 */
export async function passThrough(c: Context, server: ServerSetting): Promise<Response> {
  const site = siteOf(c);
  const resource = serverResource(site, server);
  const own = c.req.header('authorization');
  const fixed = serverSecret(site, server);
  const credential = own ?? fixed;
  if (credential === undefined) return challenge(c, resource, { reason: 'credential_missing' }, []);
  if (own !== undefined && (await isGateToken(c, own))) {
    return challenge(c, resource, { reason: 'token_for_other_resource', detail: server.name }, []);
  }
  const headers = forwardedHeaders(c.req.raw.headers);
  const session = c.req.header('mcp-session-id');
  if (session !== undefined) headers.set('mcp-session-id', session);
  headers.set(own === undefined ? server.header : 'authorization', credential);

  const { method, body, signal } = c.req.raw;
  const answer = await callServer(c, server, undefined, { method, headers, body: body ?? undefined, signal });
  const outcome = typeof answer === 'string' ? 'failed' : 'ok';
  const reason = typeof answer === 'string' ? answer : undefined;
  record(c, { event: 'passthrough', outcome, reason, server: server.name, user: 'unverified' });
  if (typeof answer === 'string') return serverFault(answer, titleOf(server), undefined);
  return returned(c, server, answer, fixed !== undefined);
}

/** Whether a passthrough server has one token for everybody: then there is nothing to sign in to. */
export function isFixedToken(c: Context, server: ServerSetting): boolean {
  return server.auth === 'passthrough' && serverSecret(siteOf(c), server) !== undefined;
}

/** Whether an off-loopback fixed-token server was opened to everyone on purpose. */
export function mayServeEveryone(c: Context, server: ServerSetting): boolean {
  const site = siteOf(c);
  return site.local || server.open_to_everyone || serverSecret(site, server) === undefined;
}

/** The server's answer as it is; its challenge names our metadata, since clients compare the resource. */
function returned(c: Context, server: ServerSetting, answer: Response, fixed: boolean): Response {
  const { origin } = siteOf(c);
  const headers = returnedHeaders(answer.headers);
  const session = answer.headers.get('mcp-session-id');
  if (session !== null) headers.set('mcp-session-id', session);
  const said = answer.headers.get('www-authenticate');
  if (said !== null && !fixed) {
    const metadata = `resource_metadata="${resourceMetadataUrl(origin, serverResource(siteOf(c), server))}"`;
    const named = /resource_metadata="[^"]*"/;
    headers.set('WWW-Authenticate', named.test(said) ? said.replace(named, metadata) : said);
  }
  return new Response(answer.body, { status: answer.status, headers });
}

/** A credential in the gate's own format is for the gate: it must not reach a server. */
async function isGateToken(c: Context, authorization: string): Promise<boolean> {
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  const parts = parseToken(token);
  return parts !== undefined && isUserId(siteOf(c).keyring, parts.userId);
}

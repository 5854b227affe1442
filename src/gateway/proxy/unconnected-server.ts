import type { Context } from 'hono';
import { ok, type Result } from '../../result';
import type { CredentialError, Principal } from '../../upstream';
import { connectionNeeded } from '../aggregate/connect-tool';
import type { Message } from '../request/message';
import type { McpRefusal } from '../request/refusal';
import { serveSession } from '../session/serve';
import { serveStateless } from '../session/stateless';
import type { ProxyRequest } from './proxy-request';

/*
 * What is at `/mcp/{server}` while the person has no connection there: the gate itself, as at `/mcp` with that one
 * server behind it. It shows the tool whose answer is the link. A session that a client begins meanwhile is the gate's
 * own and stays so: once the server is connected its tools come through it, under their own names. Any later session
 * is the server's (docs/design.md, "A server that isn't connected").
 */

/** What a client asks before it knows of any tool, or resource, of the server. */
const ANSWERED = [
  'server/discover',
  'initialize',
  'notifications/initialized',
  'ping',
  'subscriptions/listen',
  'tools/list',
  'tools/call',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
];

/** Serves a request of a session that the gate keeps itself at a server's endpoint. */
export async function serveOwnSession(
  c: Context,
  principal: Principal,
  message: Message | undefined,
): Promise<Response> {
  const served = await serveSession(c, principal, message);
  if (!served) throw new Error('a request without a session was taken for one of it');
  return served;
}

/**
 * The answer to a request whose server needs a connection that isn't there: the gate's own where a client asks for
 * tools or calls one, else an error that says what to do. A provider that can't be asked now has locked nothing: that
 * is 503 with `Retry-After`, and the caller tries again.
 */
export async function answerUnconnected(
  request: ProxyRequest,
  credential: CredentialError,
): Promise<Result<Response, McpRefusal>> {
  const { c, principal, message, session } = request;
  const isUnavailable = credential.reason === 'provider_unavailable';
  if (isUnavailable || !message?.method || !ANSWERED.includes(message.method)) {
    return refuseUnconnected(request, credential);
  }
  const begins = message.era === 'legacy' && session === undefined && message.method === 'initialize';
  if (begins) return ok(await serveOwnSession(c, principal, message));
  return ok(await serveStateless(c, principal, message));
}

async function refuseUnconnected(
  { c, server, principal, message }: ProxyRequest,
  credential: CredentialError,
): Promise<Result<Response, McpRefusal>> {
  const { code, message: text, data } = await connectionNeeded({ work: c, principal }, server, credential);
  const error = { code, message: text, data };
  const id = message?.id;
  if (credential.reason === 'provider_unavailable') {
    const { retry_after: retryAfter = 1 } = credential;
    return { ok: false, error: { reason: 'provider_unavailable', error, retryAfter, id } };
  }
  if (message === undefined) return answerWithoutMessage(c.req.method);
  // Nothing can be said to a notification.
  if (id === undefined) return ok(new Response(null, { status: 202 }));
  return { ok: false, error: { reason: 'connection_needed', error, id } };
}

/** There is no stream to open, and no session that could go on. */
function answerWithoutMessage(method: string): Result<Response, McpRefusal> {
  if (method === 'DELETE') return ok(new Response(null, { status: 204 }));
  return { ok: false, error: { reason: 'method_not_allowed', allow: 'POST, DELETE' } };
}

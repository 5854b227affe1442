import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import type { Context } from 'hono';
import { seconds } from '../../clock';
import { type Deployment, deploymentOf } from '../../config';
import { enterPool } from '../../flow';
import { mayPassFrom, type Source, sourceOf } from '../../limits';
import type { Resource } from '../../resource';
import { ANONYMOUS, type Principal } from '../../upstream';
import { spelledOut } from '../request/accept';
import { watchOver, whileGranted } from '../request/grant-watch';
import { identify } from '../request/identify';
import type { Message } from '../request/message';
import { toJsonRpcError } from '../request/refusal';
import { openSessionId, sealSessionId } from '../request/session-id';
import { EventLog } from './log';
import type { SessionRequest } from './messages';
import { rightsAndConnectionsOf, rightsOf } from './rights';
import { OwnStream } from './stream';

/** The headers of a client's request that the session's transport reads. */
const HEADERS = ['accept', 'mcp-protocol-version', 'last-event-id', 'cf-connecting-ip'];

/** Who owns a session. */
type Owner = SessionRequest['owner'];

/** What a session id is sealed with. A session of a server's own endpoint isn't valid at `/mcp`, or at another one. */
function sealedFor({ server }: Principal, whose: Owner) {
  return { server: server === undefined ? '' : `own:${server}`, ...whose };
}

function ownerOf({ user, client }: Principal): Owner {
  return { user: user.id, client: client.id };
}

/** Whether a request names a session of this principal that the gate itself keeps, and not the upstream server. */
export async function isOwnSession(c: Context, principal: Principal): Promise<boolean> {
  const given = c.req.header('mcp-session-id');
  if (given === undefined) return false;
  return (
    (await openSessionId(deploymentOf(c), sealedFor(principal, ownerOf(principal)), given)) !== undefined
  );
}

/** The owner of a session whose client has no credential. The sealed session id is all that the client has. */
const UNOWNED: Owner = { user: '', client: '' };
/** The longest `initialize` without a credential, which is stored unchecked. Real ones have a few hundred bytes. */
const MAX_UNSIGNED_BYTES = 16_384;

/**
 * The principal of a request without a credential, for `UNAUTHENTICATED = "authorize_tool"`: `ANONYMOUS` until the
 * person of the session has signed in, then that person. Undefined when there is no such session, or its grant has
 * ended.
 */
export async function identifyBySession(c: Context, resource: Resource): Promise<Principal | undefined> {
  const deployment = deploymentOf(c);
  const given = c.req.header('mcp-session-id');
  if (given === undefined) return ANONYMOUS;
  const id = (await openSessionId(deployment, sealedFor(ANONYMOUS, UNOWNED), given))?.id;
  if (id === undefined) return undefined;
  const sessions = deployment.env.MCP_SESSION;
  const { origin, local, requestId } = deployment;
  const held = await sessions.get(sessions.idFromString(id)).credential({ origin, local, requestId });
  if (!held) return undefined;
  if (held.token === undefined) return ANONYMOUS;
  const headers = new Headers({ authorization: `Bearer ${held.token}` });
  const principal = await identify(c, resource, undefined, headers);
  return principal.ok ? principal.value : undefined;
}

/** Serves a request of a session without a credential, or starts one; undefined when the request is for neither. */
export function serveUnowned(
  c: Context,
  principal: Principal,
  message: Message | undefined,
): Promise<Response | undefined> {
  if (c.req.header('mcp-session-id') !== undefined) {
    return serveSession(c, principal, message, { whose: UNOWNED });
  }
  return message?.method === 'initialize' ? beginUnauthenticated(c, message) : Promise.resolve(undefined);
}

/** Starts a session without a credential. Each source has a share of them; beyond it, its oldest waiting one ends. */
async function beginUnauthenticated(c: Context, message: Message): Promise<Response | undefined> {
  const deployment = deploymentOf(c);
  if (message.bytes.length > MAX_UNSIGNED_BYTES) {
    const detail = String(MAX_UNSIGNED_BYTES);
    const { id } = message;
    return toJsonRpcError({ reason: 'message_refused', fault: 'initialize_too_large', detail, id });
  }
  if (!(await mayPassFrom(c, 'sessions'))) {
    return toJsonRpcError({ reason: 'too_many_requests', what: 'sessions', id: message.id });
  }
  const id = await beginIn(deployment, 'sessions', await sourceOf(c));
  return serveSession(c, ANONYMOUS, message, { whose: UNOWNED, id });
}

/** The id of a new session. When its source has too many, the oldest one of that source ends. */
async function beginIn(
  deployment: Deployment,
  pool: 'sessions' | 'user_sessions',
  from: Source,
): Promise<DurableObjectId> {
  const sessions = deployment.env.MCP_SESSION;
  const id = sessions.newUniqueId();
  const expiresAt = seconds() + deployment.settings.tokens.session;
  const entered = await enterPool(deployment, pool, { id: id.toString(), from, expiresAt });
  for (const dropped of entered.ok ? entered.value : []) {
    await sessions.get(sessions.idFromString(dropped)).discard();
  }
  return id;
}

/**
 * Serves a request of the 2025 era that belongs to a session or starts one; undefined when it does neither. The session
 * id of the client is the id of the session's object, sealed with the user and the client. For a session id of another
 * principal the answer is 404, and no object is woken.
 *
 * @param whose the owner of the session, if it isn't the principal
 * @param id of the object of a new session, if the caller has already made it
 */
export async function serveSession(
  c: Context,
  principal: Principal,
  message: Message | undefined,
  { whose = ownerOf(principal), id: begun }: { whose?: Owner; id?: DurableObjectId } = {},
): Promise<Response | undefined> {
  const deployment = deploymentOf(c);
  const owner = sealedFor(principal, whose);
  const given = c.req.header('mcp-session-id');
  if (given === undefined && message?.method !== 'initialize') return undefined;
  const id = given === undefined ? undefined : (await openSessionId(deployment, owner, given))?.id;
  if (given !== undefined && id === undefined) {
    return toJsonRpcError({ reason: 'session_not_found', id: message?.id });
  }
  const sessions = deployment.env.MCP_SESSION;
  const own = { source: whose.user, network: whose.user };
  const objectId =
    id === undefined
      ? (begun ?? (await beginIn(deployment, 'user_sessions', own)))
      : sessions.idFromString(id);
  const session = sessions.get(objectId);
  const lastEventId = c.req.header('last-event-id');
  const opensOwnStream =
    c.req.method === 'GET' && (lastEventId === undefined || !EventLog.ofRequest(lastEventId));
  const showsAll = opensOwnStream || message?.method === 'initialize';
  const rights = await (showsAll ? rightsAndConnectionsOf : rightsOf)(c, principal);
  const request = { ...describe(c, principal, message, whose), rights };
  const response = opensOwnStream
    ? await openOwnStream(c, principal, session, request)
    : await session.handle(request);
  const headers = new Headers(response.headers);
  if (headers.has('mcp-session-id') || opensOwnStream) {
    headers.set('mcp-session-id', given ?? (await sealSessionId(deployment, owner, objectId.toString())));
  }
  if (c.req.method === 'DELETE' && response.ok) return new Response(null, { status: 204 });
  const watched = opensOwnStream ? null : response.body;
  const body = watched ? whileGranted(watched, watchOver(c, principal, { call: true })) : response.body;
  return new Response(body, { status: response.status, headers });
}

function describe(
  c: Context,
  principal: Principal,
  message: Message | undefined,
  owner: Owner,
): Omit<SessionRequest, 'rights'> {
  const { origin, local, requestId } = deploymentOf(c);
  // The body was read as UTF-8 JSON, so that is its type, however the client spelled it.
  const headers: Record<string, string> = message ? { 'content-type': 'application/json' } : {};
  for (const name of HEADERS) {
    const value = c.req.header(name);
    if (value !== undefined) headers[name] = value;
  }
  headers.accept = spelledOut(c.req.header('accept') ?? null);
  return {
    requestOrigin: { origin, local, requestId },
    principal,
    owner,
    method: c.req.method,
    begins: c.req.header('mcp-session-id') === undefined,
    headers,
    body: message && new TextDecoder().decode(message.withoutNulls),
  };
}

async function openOwnStream(
  c: Context,
  principal: Principal,
  session: ReturnType<Env['MCP_SESSION']['get']>,
  { headers: sent, rights, owner }: SessionRequest,
): Promise<Response> {
  if (!(sent.accept ?? '').includes('text/event-stream')) {
    return toJsonRpcError({ reason: 'method_not_allowed', allow: 'POST, DELETE' });
  }
  const version = sent['mcp-protocol-version'];
  if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
    return toJsonRpcError({ reason: 'version_unsupported', version });
  }
  const headers = new Headers({ upgrade: 'websocket', 'gatehouse-rights': rights });
  headers.set('gatehouse-user', `${owner.user} ${principal.user.id}`);
  if (sent['last-event-id'] !== undefined) headers.set('last-event-id', sent['last-event-id']);
  const answer = await session.fetch('https://session/stream', { headers });
  if (!answer.webSocket) return answer;
  const stream = OwnStream.open(c, principal, answer.webSocket);
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' },
  });
}

import { isolateCache } from '../caches';
import { seconds } from '../clock';
import {
  type Deployment,
  deploymentOf,
  type RequestContext,
  readSecret,
  type ServerSetting,
  secretName,
} from '../config';
import { mayReach } from '../outbound-fetch';
import { serverResource } from '../resource';
import { ok, type Result } from '../result';
import { type ConnectedServer, loopbackOrigins, needsConnection } from './connected-server';
import { type CredentialError, credentialsOf, type UpstreamContext } from './credentials';
import { readErrorAnswer } from './error-answer';
import { issueIdentityToken } from './identity-token';
import { type Principal, principalAt } from './principal';
import { maySendAgain } from './send-again';
import type { ServerFault } from './server-fault';

/** The secret that the operator set for a server; undefined when there is none. */
export function serverSecret(deployment: Deployment, server: ServerSetting): string | undefined {
  return readSecret({ ...deployment.env }, secretName('SERVER', server.name, 'SECRET'));
}

/** A request to a server: everything but where it goes. */
export interface UpstreamRequest {
  method: string;
  headers: Headers;
  body?: Uint8Array | ReadableStream | undefined;
  /** Aborts when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** The same in a principal's name. */
export interface ActingRequest extends UpstreamRequest {
  /** Sent again if the server refuses the credential: no stream. */
  body?: Uint8Array | undefined;
  /** Of a JSON-RPC request: an answer to it is an answer, whatever its status. */
  id?: string | number | undefined;
  /** Of a session: the id of the connection in whose name it was begun. */
  account?: string | undefined;
}

/** Why a server that was called gave no answer. */
export type CallFailure =
  | {
      reason: Extract<
        ServerFault,
        'server_unreachable' | 'server_too_slow' | 'server_redirects' | 'server_not_mcp'
      >;
      /** Whether it is sure that the server got nothing of the request. */
      neverSent?: boolean;
    }
  /** The request's signal: nobody waits for the answer any more. */
  | { reason: 'aborted' };

/** The same of a call in a principal's name: there may be no credential for it. */
export type UpstreamFailure = CallFailure | { reason: 'no_credential'; credential: CredentialError };

/**
 * Sends a request in the principal's name, held to the role that it has at the server. A 401 to a credential that was
 * thought good: it is renewed, and the request sent once more, if {@link maySendAgain} allows that; a 401 to that one
 * too, and the person must connect again (`no_credential`).
 *
 * In a session that was begun in the name of another connection nothing is sent: the answer is 404, as of a session
 * that the server has forgotten.
 */
export async function callServerAs(
  work: UpstreamContext,
  server: ServerSetting,
  acting: Principal,
  request: ActingRequest,
): Promise<Result<Response, UpstreamFailure>> {
  const principal = principalAt(deploymentOf(work), acting, server);
  if (needsConnection(server)) return callConnected(work, server, principal, request);
  if (!isSessionOf('', request)) return ok(new Response(null, { status: 404 }));
  await authenticate(deploymentOf(work), server, principal, request.headers);
  return callServer(work, server, principal, request);
}

async function callConnected(
  work: UpstreamContext,
  server: ConnectedServer,
  principal: Principal,
  request: ActingRequest,
): Promise<Result<Response, UpstreamFailure>> {
  const credentials = credentialsOf(work);
  let credential = await credentials.for(principal, server);
  for (let isRenewed = false; credential.ok; isRenewed = true) {
    const { header, value, connection, id } = credential.value;
    if (!isSessionOf(connection, request)) return ok(new Response(null, { status: 404 }));
    request.headers.set(header, value);
    const answer = await callServer(work, server, principal, request);
    if (!answer.ok || answer.value.status !== 401) return answer;
    const { answersIt, response } = await readRefusal(answer.value, request);
    const inSession = request.headers.has('mcp-session-id');
    if (!maySendAgain({ outcome: 'status', status: 401, answersIt, inSession })) return ok(response);
    if (isRenewed) return noCredential(await credentials.giveUp(principal, server, id));
    credential = await credentials.replace(principal, server, id);
  }
  return noCredential(credential.error);
}

/** A 401. One with a challenge (RFC 6750 section 3) refused the credential, and did nothing, whatever its body says. */
async function readRefusal(
  answer: Response,
  { id }: ActingRequest,
): Promise<{ answersIt: boolean; response: Response }> {
  const { answers, response } = await readErrorAnswer(answer, id);
  return { answersIt: answers === 'this' && !response.headers.has('www-authenticate'), response };
}

function noCredential(credential: CredentialError): Result<never, UpstreamFailure> {
  return { ok: false, error: { reason: 'no_credential', credential } };
}

/** Whether a request may go out in the name of a connection: outside of any session, or in one of its own. */
function isSessionOf(connection: string, { headers, account = '' }: ActingRequest): boolean {
  return !headers.has('mcp-session-id') || account === connection;
}

/** Adds how the gate itself authenticates to a server (README, "Servers"); the user's own credential is not of it. */
async function authenticate(
  deployment: Deployment,
  server: ServerSetting,
  principal: Principal,
  headers: Headers,
): Promise<void> {
  if (server.auth === 'static') headers.set(server.header, serverSecret(deployment, server) ?? '');
  if (server.auth !== 'identity' && !server.identity) return;
  const audience = server.url ?? serverResource(deployment, server).url;
  const token = await issueIdentityToken(deployment, principal, audience, seconds());
  if (server.auth === 'identity') headers.set('Authorization', `Bearer ${token}`);
  else headers.set('Gatehouse-Identity', token);
}

/**
 * Sends a request to where the server is, and waits at most its `timeout` for the first byte; a stream that
 * has begun may take as long as it likes. Redirects are never followed. `principal`: for an entrypoint, which
 * gets it as `ctx.props`.
 */
export async function callServer(
  work: RequestContext,
  server: ServerSetting,
  principal: Principal | undefined,
  request: UpstreamRequest,
): Promise<Result<Response, CallFailure>> {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), server.timeout * 1000);
  const signal = AbortSignal.any([request.signal, waiting.signal]);
  const init = { ...request, signal, redirect: 'manual' } as RequestInit;
  try {
    const first = await send(work, server, principal, init);
    const moved = slashAway(server, first, init.body);
    if (moved !== undefined) {
      await first.body?.cancel();
      slashesOf(work.env).set(server.name, moved);
    }
    const response = moved === undefined ? first : await send(work, server, principal, init);
    const { status } = response;
    if ((status >= 200 && status < 300) || (status >= 400 && status < 600)) return ok(response);
    await response.body?.cancel();
    return failure(status >= 300 && status < 400 ? 'server_redirects' : 'server_not_mcp');
  } catch (error) {
    if (request.signal.aborted) return failure('aborted');
    if (waiting.signal.aborted) return failure('server_too_slow');
    return { ok: false, error: { reason: 'server_unreachable', neverSent: isNeverConnected(error) } };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The error messages for a connection that was never made. Of any other error, such as "Network connection lost", nobody knows how
 * much the server has got.
 */
const NEVER_CONNECTED =
  /refused|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|DNS|resolve|no such binding|private address/i;

function isNeverConnected(error: unknown): boolean {
  return error instanceof Error && NEVER_CONNECTED.test(error.message);
}

/** Where servers are that redirect from their URL to the same one with a slash more, or less. */
const slashesOf = isolateCache<string>('serverSlashes');

/**
 * The URL to which a server redirects, if nothing differs but the slash at its end. Only 307 and 308 keep method and
 * body (RFC 9110 section 15.4.8), and a server that redirects has done nothing. Any other redirect isn't followed.
 */
function slashAway({ url }: ServerSetting, { status, headers }: Response, body: unknown): string | undefined {
  const location = headers.get('location');
  if (url === undefined || location === null || ![307, 308].includes(status)) return undefined;
  if (body instanceof ReadableStream || !URL.canParse(location, url)) return undefined;
  const [from, to] = [new URL(url), new URL(location, url)];
  const isSame = from.origin === to.origin && from.search === to.search && to.hash === '';
  const bare = (path: string) => path.replace(/\/$/, '');
  const isSlash = from.pathname !== to.pathname && bare(from.pathname) === bare(to.pathname);
  return isSame && isSlash && to.username === '' ? to.href : undefined;
}

function failure(reason: CallFailure['reason']): Result<never, CallFailure> {
  return { ok: false, error: { reason } };
}

type Fetching = { fetch(request: Request): Promise<Response> };

/** Rejects where the server can't be reached. */
async function send(
  work: RequestContext,
  server: ServerSetting,
  principal: Principal | undefined,
  init: RequestInit,
): Promise<Response> {
  if (server.url !== undefined) {
    const loopback = loopbackOrigins(deploymentOf(work), server);
    if (!mayReach(server.url, loopback)) throw new Error('a private address');
    return fetch(slashesOf(work.env).get(server.name) ?? server.url, init);
  }
  const request = new Request(`https://${server.name}/mcp`, init);
  if (server.binding !== undefined) {
    return (work.env as unknown as Record<string, Fetching>)[server.binding]?.fetch(request) ?? unreachable();
  }
  const entrypoints = (work.executionCtx as unknown as { exports: Record<string, unknown> }).exports;
  const entrypoint = entrypoints[server.entrypoint ?? ''] as ((options: object) => Fetching) | undefined;
  return entrypoint?.({ props: principal ?? {} }).fetch(request) ?? unreachable();
}

function unreachable(): never {
  throw new Error('no such binding or entrypoint');
}

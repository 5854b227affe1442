import { seconds } from '../clock';
import {
  type Deployment,
  deploymentOf,
  type RequestContext,
  readSecret,
  type ServerSetting,
  secretName,
} from '../config';
import { isLoopbackHost } from '../hosts';
import { isForbiddenHost } from '../outbound-fetch';
import { serverResource } from '../resource';
import { needsConnection } from './connected-server';
import { type CredentialError, credentialFor, giveUpCredential, replaceCredential } from './credentials';
import { issueIdentityToken } from './identity-token';
import { type Principal, principalAt } from './principal';
import type { ServerFault } from './server-fault';

/** The secret that the operator set for a server; undefined when there is none. */
export function serverSecret(deployment: Deployment, server: ServerSetting): string | undefined {
  return readSecret({ ...deployment.env }, secretName('SERVER', server.name, 'SECRET'));
}

/**
 * Adds how the gate authenticates to that server (README, "Servers"). Throws when the principal has no credential
 * there, so that nothing is sent without: {@link callServerAs} tells why.
 */
export async function authenticateToServer(
  deployment: Deployment,
  server: ServerSetting,
  principal: Principal,
  headers: Headers,
): Promise<void> {
  if (needsConnection(server)) {
    const credential = await credentialFor(deployment, principal, server);
    if (!credential.ok) throw new Error(credential.error.reason);
    headers.set(credential.value.header, credential.value.value);
  }
  if (server.auth === 'static') headers.set(server.header, serverSecret(deployment, server) ?? '');
  if (server.auth !== 'identity' && !server.identity) return;
  const audience = server.url ?? serverResource(deployment, server).url;
  const token = await issueIdentityToken(deployment, principal, audience, seconds());
  if (server.auth === 'identity') headers.set('Authorization', `Bearer ${token}`);
  else headers.set('Gatehouse-Identity', token);
}

/** A request to a server: everything but where it goes. */
export interface UpstreamRequest {
  method: string;
  headers: Headers;
  body?: Uint8Array | ReadableStream | undefined;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

/** Why a request couldn't be sent in the principal's name. */
export interface NoCredential {
  credential: CredentialError;
}

/**
 * Sends a request in the principal's name, held to the role that it has there. A 401 to a credential that was
 * thought good: another one and one more try; a 401 to that one too, and the person must connect again.
 *
 * `account`: who began the session that the request belongs to. In another's name nothing is sent: to that one it is
 * as a session that the server has forgotten (404).
 */
export async function callServerAs(
  work: RequestContext,
  server: ServerSetting,
  acting: Principal,
  request: Omit<UpstreamRequest, 'body'> & { body?: Uint8Array | undefined; account?: string | undefined },
): Promise<Response | ServerFault | NoCredential> {
  const deployment = deploymentOf(work);
  const principal = principalAt(deployment, acting, server);
  const used = needsConnection(server) ? await credentialFor(deployment, principal, server) : undefined;
  if (used && !used.ok) return { credential: used.error };
  if (isOthersSession(request, used?.value)) return new Response(null, { status: 404 });
  await authenticateToServer(deployment, server, principal, request.headers);
  const answer = await callServer(work, server, principal, request);
  if (typeof answer === 'string' || answer.status !== 401 || !used || !needsConnection(server)) return answer;
  await answer.body?.cancel();
  const other = await replaceCredential(deployment, principal, server, used.value.id);
  if (!other.ok) return { credential: other.error };
  if (isOthersSession(request, other.value)) return new Response(null, { status: 404 });
  request.headers.set(other.value.header, other.value.value);
  const again = await callServer(work, server, principal, request);
  if (typeof again === 'string' || again.status !== 401) return again;
  await again.body?.cancel();
  const given = await giveUpCredential(deployment, principal, server, other.value.id);
  return given.ok ? again : { credential: given.error };
}

function isOthersSession(
  { headers, account = '' }: { headers: Headers; account?: string | undefined },
  credential: { connection: string } | undefined,
): boolean {
  return headers.has('mcp-session-id') && account !== (credential?.connection ?? '');
}

/**
 * Sends a request to where the server is, and waits at most its `timeout` for the first byte; a stream that
 * has begun may take as long as it likes. Redirects are never followed.
 */
export async function callServer(
  work: RequestContext,
  server: ServerSetting,
  principal: Principal | undefined,
  request: UpstreamRequest,
): Promise<Response | ServerFault> {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), server.timeout * 1000);
  const signal = AbortSignal.any([request.signal, waiting.signal]);
  const init = { ...request, signal, redirect: 'manual' } as RequestInit;
  try {
    const response = await send(work, server, principal, init);
    const { status } = response;
    if (status >= 200 && status < 300) return response;
    if (status >= 400 && status < 600) return response;
    await response.body?.cancel();
    return status >= 300 && status < 400 ? 'server_redirects' : 'server_not_mcp';
  } catch (error) {
    if (request.signal.aborted) throw error;
    return waiting.signal.aborted ? 'server_too_slow' : 'server_unreachable';
  } finally {
    clearTimeout(timer);
  }
}

type Fetching = { fetch(request: Request): Promise<Response> };

async function send(
  work: RequestContext,
  server: ServerSetting,
  principal: Principal | undefined,
  init: RequestInit,
): Promise<Response> {
  if (server.url !== undefined) {
    const { hostname } = new URL(server.url);
    const named = deploymentOf(work).local && isLoopbackHost(hostname);
    if (isForbiddenHost(hostname) && !named) throw new Error('a private address');
    return fetch(server.url, init);
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

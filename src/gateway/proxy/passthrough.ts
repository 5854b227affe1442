import type { Context } from 'hono';
import { containsOwnCredential } from '../../account';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import { readBody } from '../../http';
import { answerTypeOf } from '../../media-type';
import { resourceMetadataUrl, serverResource } from '../../resource';
import { callServer, type ServerFault, serverSecret } from '../../upstream';
import { mediaType } from '../request/browser-request';
import { challenge } from '../request/challenge';
import { passedOn, returnedHeaders, saysEnough } from '../request/passed-headers';
import { messageTooLarge, methodNotAllowed, NOT_JSON, rpcError, serverFault } from '../request/rpc-error';
import { returnedChallenge } from './returned-challenge';

/** Visible ASCII, as MCP has it ("Session management"). */
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/**
 * `/mcp/{server}` of a server with `auth = "passthrough"`: the caller's own `Authorization` goes through
 * untouched and unchecked, to that server alone, whose own authorization server stays the only judge. With a
 * secret set it is a fixed-token server: the secret fills in for a caller that brings none.
 */
export async function passThrough(c: Context, server: ServerSetting): Promise<Response> {
  const deployment = deploymentOf(c);
  const resource = serverResource(deployment, server);
  const own = c.req.header('authorization');
  const fixed = serverSecret(deployment, server);
  const credential = own ?? fixed;
  if (credential === undefined) return challenge(c, resource, { reason: 'credential_missing' }, []);
  if (own !== undefined && (await containsOwnCredential(deployment.keyring, own))) {
    return challenge(c, resource, { reason: 'token_for_other_resource', detail: server.name }, []);
  }
  const body = await readMessage(c, server);
  if (body instanceof Response) return body;
  const headers = new Headers(passedOn(c.req.raw.headers));
  // Ours, not the caller's spelling of it; without a body there is none.
  if (body) headers.set('content-type', 'application/json');
  else headers.delete('content-type');
  headers.set(own === undefined ? server.header : 'authorization', credential);

  const { method, signal } = c.req.raw;
  const answer = await callServer(c, server, undefined, { method, headers, body, signal });
  const fault = typeof answer === 'string' ? answer : await notMcp(c, answer);
  const outcome = fault === undefined ? 'ok' : 'failed';
  record(c, { event: 'passthrough', outcome, reason: fault, server: server.name, user: 'unverified' });
  if (typeof answer === 'string') return serverFault(answer, titleOf(server), undefined);
  if (fault !== undefined) return serverFault(fault, titleOf(server), undefined);
  return returned(c, server, answer, fixed !== undefined);
}

/** Whether a passthrough server has one token for everybody: then there is nothing to sign in to. */
export function isFixedToken(c: Context, server: ServerSetting): boolean {
  return server.auth === 'passthrough' && serverSecret(deploymentOf(c), server) !== undefined;
}

/** Whether an off-loopback fixed-token server was opened to everyone on purpose. */
export function mayServeEveryone(c: Context, server: ServerSetting): boolean {
  const deployment = deploymentOf(c);
  return deployment.local || server.open_to_everyone || serverSecret(deployment, server) === undefined;
}

/** The bytes of a POST, not looked at; undefined of a GET or DELETE. A `Response` is a refusal of the transport. */
async function readMessage(c: Context, server: ServerSetting): Promise<Uint8Array | undefined | Response> {
  const { raw } = c.req;
  if (raw.method === 'GET' || raw.method === 'DELETE') return undefined;
  if (raw.method !== 'POST') return methodNotAllowed('GET, POST, DELETE');
  if (mediaType(raw) !== 'application/json') return rpcError(NOT_JSON);
  const body = await readBody(raw, server.max_request_bytes);
  return body.ok ? body.value : rpcError(messageTooLarge(server.max_request_bytes));
}

/** Why an answer reaches nobody: it is neither JSON nor events, and its status doesn't say enough. */
async function notMcp(c: Context, answer: Response): Promise<ServerFault | undefined> {
  if (answerTypeOf(answer.headers) !== undefined || saysEnough(answer.status)) return undefined;
  // An ended session, and what a notification gets from servers that answer it with 200.
  const empty = answer.body === null || answer.headers.get('content-length') === '0';
  if (answer.ok && (c.req.method === 'DELETE' || empty)) return undefined;
  await answer.body?.cancel();
  return 'server_not_mcp';
}

/** The server's answer; its challenge names our metadata, since clients compare the resource. */
async function returned(
  c: Context,
  server: ServerSetting,
  answer: Response,
  fixed: boolean,
): Promise<Response> {
  const deployment = deploymentOf(c);
  const headers = returnedHeaders(answer.headers);
  const session = answer.headers.get('mcp-session-id');
  if (session !== null && SESSION_ID.test(session)) headers.set('mcp-session-id', session);
  const said = answer.headers.get('www-authenticate');
  if (said !== null && !fixed) {
    const metadata = resourceMetadataUrl(deployment, serverResource(deployment, server));
    headers.set('WWW-Authenticate', await returnedChallenge(said, metadata));
  }
  const { status } = answer;
  if (answerTypeOf(answer.headers) !== undefined && status !== 204 && status !== 205) {
    return new Response(answer.body, { status, headers });
  }
  await answer.body?.cancel();
  return new Response(null, { status, headers });
}

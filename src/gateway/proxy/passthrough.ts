import type { Context } from 'hono';
import { containsOwnCredential } from '../../account';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import { readBody } from '../../http';
import { answerTypeOf } from '../../media-type';
import { resourceMetadataUrl, serverResource } from '../../resource';
import { ok, type Result } from '../../result';
import { callServer, type ServerFault, serverSecret } from '../../upstream';
import { mediaType } from '../request/browser-request';
import { unauthorized } from '../request/challenge';
import { passedOn, returnedHeaders, saysEnough } from '../request/passed-headers';
import type { McpRefusal, RefusalFor } from '../request/refusal';
import { returnedChallenge } from './returned-challenge';

/** Visible ASCII, as MCP has it ("Session management"). */
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/**
 * `/mcp/{server}` of a server with `auth = "passthrough"`: the caller's own `Authorization` goes through
 * untouched and unchecked, to that server alone, whose own authorization server stays the only judge. With a
 * secret set it is a fixed-token server: the secret fills in for a caller that brings none.
 */
export async function passThrough(c: Context, server: ServerSetting): Promise<Result<Response, McpRefusal>> {
  const deployment = deploymentOf(c);
  const fixed = serverSecret(deployment, server);
  const credential = await credentialFor(c, server, fixed);
  if (!credential.ok) return credential;
  const body = await readMessage(c, server);
  if (!body.ok) return body;
  const headers = new Headers(passedOn(c.req.raw.headers));
  // Ours, not the caller's spelling of it; without a body there is none.
  if (body.value) headers.set('content-type', 'application/json');
  else headers.delete('content-type');
  headers.set(credential.value.header, credential.value.value);

  const { method, signal } = c.req.raw;
  const answer = await callServer(c, server, undefined, { method, headers, body: body.value, signal });
  if (!answer.ok) {
    const { reason } = answer.error;
    return reason === 'aborted' ? { ok: false, error: { reason: 'client_gone' } } : failed(c, server, reason);
  }
  if (!isMcp(c, answer.value)) {
    await answer.value.body?.cancel();
    return failed(c, server, 'server_not_mcp');
  }
  record(c, { event: 'passthrough', outcome: 'ok', server: server.name, user: 'unverified' });
  return ok(await returned(c, server, answer.value, fixed !== undefined));
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

/** The credential that goes to the server: the caller's own, if it is none of the gate's, else the fixed one. */
async function credentialFor(
  c: Context,
  server: ServerSetting,
  fixed: string | undefined,
): Promise<Result<{ header: string; value: string }, RefusalFor<'unauthorized'>>> {
  const deployment = deploymentOf(c);
  const resource = serverResource(deployment, server);
  const scopes = server.scopes?.split(/ +/) ?? [];
  const own = c.req.header('authorization');
  if (own === undefined && fixed === undefined) {
    return { ok: false, error: unauthorized(c, resource, { reason: 'credential_missing' }, scopes) };
  }
  if (own === undefined) return ok({ header: server.header, value: fixed ?? '' });
  const isOurs = await containsOwnCredential(deployment.keyring, own);
  if (!isOurs) return ok({ header: 'authorization', value: own });
  const refusal = { reason: 'token_for_other_resource', detail: server.name };
  return { ok: false, error: unauthorized(c, resource, refusal, scopes) };
}

/** The bytes of a POST, not looked at; undefined of a GET or DELETE. */
async function readMessage(
  c: Context,
  server: ServerSetting,
): Promise<Result<Uint8Array | undefined, RefusalFor<'message_refused' | 'method_not_allowed'>>> {
  const { raw } = c.req;
  if (raw.method === 'GET' || raw.method === 'DELETE') return ok(undefined);
  if (raw.method !== 'POST') {
    return { ok: false, error: { reason: 'method_not_allowed', allow: 'GET, POST, DELETE' } };
  }
  if (mediaType(raw) !== 'application/json') {
    return { ok: false, error: { reason: 'message_refused', fault: 'not_json_type' } };
  }
  const body = await readBody(raw, server.max_request_bytes);
  if (body.ok) return body;
  const detail = String(server.max_request_bytes);
  return { ok: false, error: { reason: 'message_refused', fault: 'too_large', detail } };
}

/** The refusal for a server that failed, which the operator hears of. */
function failed(
  c: Context,
  server: ServerSetting,
  fault: ServerFault,
): Result<never, RefusalFor<'server_failed'>> {
  const about = { server: server.name, user: 'unverified' };
  record(c, { event: 'passthrough', outcome: 'failed', reason: fault, ...about });
  return { ok: false, error: { reason: 'server_failed', fault, title: titleOf(server), id: undefined } };
}

/** Whether an answer may reach the caller: it is JSON or events, or its status says enough. */
function isMcp(c: Context, answer: Response): boolean {
  if (answerTypeOf(answer.headers) !== undefined || saysEnough(answer.status)) return true;
  // An ended session, and what a notification gets from servers that answer it with 200.
  const empty = answer.body === null || answer.headers.get('content-length') === '0';
  return answer.ok && (c.req.method === 'DELETE' || empty);
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

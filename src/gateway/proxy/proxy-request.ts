import type { Context } from 'hono';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import { ok, type Result } from '../../result';
import {
  aboutPrincipal,
  type CredentialError,
  catalogueOf,
  forgetLists,
  type Principal,
  type ServerFault,
} from '../../upstream';
import type { Message, ReadRequest } from '../request/message';
import type { McpRefusal, RefusalFor } from '../request/refusal';
import { openSessionId, type SessionId, type SessionOwner } from '../request/session-id';

/** One request on its way to one server: all that was found out about it. */
export interface ProxyRequest {
  c: Context;
  server: ServerSetting;
  principal: Principal;
  /** Undefined of a GET or DELETE. */
  message: Message | undefined;
  /** Whose a session at the server is. */
  owner: SessionOwner;
  /** The server's own session id, if the client is in a session. */
  session: SessionId | undefined;
  /** Breaks the server's answer off. */
  stop: AbortController;
}

/** Why a request doesn't get its server's answer: a refusal, or the gate answers itself. */
export type NotForwarded =
  | McpRefusal
  /** The user has no connection there, or none that works. */
  | { reason: 'no_credential'; credential: CredentialError }
  /** A call of the connect tool, by a client that still has the list from before. */
  | { reason: 'connect_tool' };

/** Opens the session that a request names; refused when that is none, or another owner's. */
export async function openProxyRequest(
  c: Context,
  server: ServerSetting,
  principal: Principal,
  { message, stateless }: ReadRequest,
): Promise<Result<ProxyRequest, RefusalFor<'session_not_found'>>> {
  const owner = { server: server.name, user: principal.user.id, client: principal.client.id };
  const sealed = stateless ? undefined : c.req.header('mcp-session-id');
  const session = sealed === undefined ? undefined : await openSessionId(deploymentOf(c), owner, sealed);
  if (sealed !== undefined && session === undefined) {
    return { ok: false, error: { reason: 'session_not_found', id: message?.id } };
  }
  return ok({ c, server, principal, message, owner, session, stop: new AbortController() });
}

/** The refusal for a server that failed, which the operator hears of. `detail`: for the log. */
export function serverFailed(
  request: ProxyRequest,
  fault: ServerFault,
  detail?: string,
): { ok: false; error: RefusalFor<'server_failed'> } {
  noteFault(request, fault, detail);
  if (fault !== 'server_list_too_large') forgetServerTools(request);
  const title = titleOf(request.server);
  return { ok: false, error: { reason: 'server_failed', fault, title, id: request.message?.id } };
}

/** Tells the operator that a server failed. */
export function noteFault(request: ProxyRequest, reason: ServerFault, detail?: string): void {
  const event = request.message?.method === 'tools/call' ? 'tool_call' : 'mcp_request';
  record(request.c, { ...about(request), event, outcome: 'failed', reason, detail });
}

/** Forgets what is known of the server's tools: it said that they changed, or failed. */
export function forgetServerTools({ c, server, principal }: ProxyRequest): void {
  forgetLists(catalogueOf(c.env), server.name, principal.user.id);
}

/** Who and what a request is about, for the trail. */
export function about({ server, principal, message }: ProxyRequest) {
  const tool = message?.method === 'tools/call' ? toolNameOf(message) : undefined;
  return { ...aboutPrincipal(principal), server: server.name, tool };
}

/** The name of the tool that a `tools/call` calls; `params.ts` holds it to be a text. */
export function toolNameOf({ params: { name } }: Message): string {
  return typeof name === 'string' ? name : '';
}

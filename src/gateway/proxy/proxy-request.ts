import type { Context } from 'hono';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import { ok, type Result } from '../../result';
import {
  aboutPrincipal,
  type CredentialError,
  catalogueOf,
  type FaultDetails,
  forgetLists,
  type Principal,
  type ServerFault,
} from '../../upstream';
import type { Message, ReadRequest } from '../request/message';
import type { CallEnded, McpRefusal, RefusalFor, ServerFailed } from '../request/refusal';
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
  /** Breaks the server's answer off; its reason is a {@link StopReason}. */
  stop: AbortController;
  /** Whether the server may have done something that should not be done twice: it got a call that isn't read-only. */
  mayHaveActed: boolean;
  /** Ends the watch over the request's grant; called when the answer is complete. */
  unwatch: () => void;
}

/** Whether a request is owed one answer, which isn't a stream of its own. */
export function isCall({ message }: Pick<ProxyRequest, 'message'>): boolean {
  return message?.id !== undefined && message.method !== 'subscriptions/listen';
}

/** Why the gate ends a request that is under way. `replaced`: by a newer stream of its session. */
export type StopReason = 'revoked' | 'cancelled' | 'replaced' | 'client_gone';

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
  const stop = new AbortController();
  const unwatch = () => undefined;
  return ok({ c, server, principal, message, owner, session, stop, mayHaveActed: false, unwatch });
}

/**
 * The refusal for a server that failed, which the operator hears of.
 *
 * @param what `detail`: for the log; `retryAfter`: in seconds
 */
export function serverFailed(
  request: ProxyRequest,
  fault: ServerFault,
  what: { detail?: string | undefined; retryAfter?: number | undefined } = {},
): { ok: false; error: ServerFailed } {
  noteFault(request, fault, what.detail);
  if (fault !== 'server_list_too_large') forgetServerTools(request);
  return { ok: false, error: failedRefusal(request, fault, { retryAfter: what.retryAfter }) };
}

/** What a client hears of a server that failed: as the result of a call, or as an error. */
export function failedRefusal(
  { server, message, mayHaveActed }: ProxyRequest,
  fault: ServerFault,
  details: Pick<FaultDetails, 'retryAfter'> = {},
): ServerFailed {
  const asResult = message?.method === 'tools/call' ? message.era : undefined;
  const title = titleOf(server);
  return {
    reason: 'server_failed',
    fault,
    title,
    id: message?.id,
    details: { ...details, mayHaveActed },
    asResult,
  };
}

/** The refusal for a call that the gate ended; undefined: it didn't. */
export function endedRefusal({ stop, message, mayHaveActed }: ProxyRequest): CallEnded | undefined {
  const reason = stop.signal.aborted ? (stop.signal.reason as StopReason) : undefined;
  if (reason !== 'revoked' && reason !== 'cancelled') return undefined;
  return { reason: 'call_ended', why: reason, id: message?.id, mayHaveActed };
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

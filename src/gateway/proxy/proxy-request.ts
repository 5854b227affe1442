import type { Context } from 'hono';
import { record } from '../../audit';
import { type ServerSetting, titleOf } from '../../config';
import { aboutPrincipal, catalogueOf, forgetLists, type Principal, type ServerFault } from '../../upstream';
import type { Message } from '../request/message';
import { serverFault } from '../request/rpc-error';
import type { SessionId, SessionOwner } from '../request/session-id';

/** One request on its way to one server. */
export interface ProxyRequest {
  c: Context;
  server: ServerSetting;
  principal: Principal;
  owner: SessionOwner;
  /** The server's own session id, if the client is in a session. */
  session: SessionId | undefined;
  /** Breaks the server's answer off. */
  stop: AbortController;
}

/** Answers for a server that failed, and says which to the operator. */
export function fault(
  passage: ProxyRequest,
  reason: ServerFault,
  message?: Message,
  detail?: string,
): Response {
  noteFault(passage, reason, detail);
  if (reason !== 'server_list_too_large') forgetServerTools(passage);
  return serverFault(reason, titleOf(passage.server), message?.id);
}

/** Says to the operator that a server failed. */
export function noteFault(passage: ProxyRequest, reason: ServerFault, detail?: string): void {
  record(passage.c, { ...about(passage), event: 'mcp_request', outcome: 'failed', reason, detail });
}

/** Forgets what is known of the server's tools: it said that they changed, or failed. */
export function forgetServerTools({ c, server, principal }: ProxyRequest): void {
  forgetLists(catalogueOf(c.env), server.name, principal.user.id);
}

/** Who and what a passage is about, for the trail. */
export function about({ server, principal }: ProxyRequest) {
  return { ...aboutPrincipal(principal), server: server.name };
}

import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  LOG_LEVEL_META_KEY,
  type LoggingLevel,
} from '@modelcontextprotocol/client';
import { usableServers } from '../account';
import { isolateCache } from '../caches';
import { deploymentOf, type RequestContext, type ServerSetting } from '../config';
import { catalogueKey } from './catalogue';
import { connectUpstream, type UpstreamConnection } from './connection';
import type { UpstreamContext } from './credentials';
import type { Handshake } from './handshake';
import { type Principal, principalAt } from './principal';

/** The servers behind, as one principal may use them. */
export interface View {
  work: UpstreamContext;
  principal: Principal;
  /** How much of what servers log the client wants to hear, if it said so. */
  logLevel?: LoggingLevel | undefined;
  /** Whether the client can ask its user to open a link (MCP, "URL mode elicitation"). */
  urlElicitation: boolean;
  /** Notes that the client was asked so for a server's sake, and wants to hear when it is done. */
  elicited?(server: string, elicitationId: string): void;
  /** Does something at a server. Rejects when the server can't be reached. */
  use<T>(server: ServerSetting, act: (behind: UpstreamConnection) => Promise<T>): Promise<T>;
}

/** The servers of a grant that its user may still use; at a server's own endpoint, that one. */
export function serversOf({
  work,
  principal,
}: {
  work: RequestContext;
  principal: Principal;
}): ServerSetting[] {
  const usable = usableServers(deploymentOf(work).settings, principal.identity);
  const { servers, server } = principal;
  return usable.filter(({ name }) => servers.includes(name) && (server === undefined || name === server));
}

/** Whether they are at `/mcp`, with all their servers and the gate's own tools. */
export function isAtMerged({ principal }: Pick<View, 'principal'>): boolean {
  return principal.server === undefined;
}

/** What a server said of its era and of what it can do. */
const handshakesOf = isolateCache<Handshake>('serverHandshakes');

/**
 * A view for one request without a session: each use connects for itself. What a server says meanwhile goes on the
 * request's stream; what it asks, its client answers with its next request.
 *
 * @param meta the `_meta` of the request, if it has one
 * @param prefers the era of the client
 */
export function passingView(
  work: UpstreamContext,
  principal: Principal,
  { meta = {}, prefers = 'modern' }: { meta?: Record<string, unknown>; prefers?: 'modern' | 'legacy' } = {},
): View {
  const handshakes = handshakesOf(work.env);
  const capabilities = (meta[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientCapabilities;
  return {
    work,
    principal,
    logLevel: meta[LOG_LEVEL_META_KEY] as LoggingLevel | undefined,
    urlElicitation: capabilities.elicitation?.url !== undefined,
    use: async (server, act) => {
      const key = `${prefers} ${catalogueKey(server, principalAt(deploymentOf(work), principal, server))}`;
      const handshake = handshakes.get(key);
      // A server of 2025 hears that it can't ask: nothing could carry its question.
      const options = { acting: () => ({ work, principal }), capabilities: {}, handshake, prefers };
      try {
        const upstream = await connectUpstream(server, options);
        if (!handshake && isLasting(upstream.handshake)) handshakes.set(key, upstream.handshake);
        return await act(upstream).finally(() => upstream.end());
      } catch (error) {
        handshakes.delete(key);
        throw error;
      }
    },
  };
}

/** A session of 2025 is over with the request; all else that a server says of itself may be kept. */
function isLasting(handshake: Handshake): boolean {
  return handshake.era === 'modern' || handshake.session === undefined;
}

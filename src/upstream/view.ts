import {
  CLIENT_CAPABILITIES_META_KEY,
  type Client,
  type ClientCapabilities,
  LOG_LEVEL_META_KEY,
  type LoggingLevel,
} from '@modelcontextprotocol/client';
import type { ServerContext } from '@modelcontextprotocol/server';
import { usableServers } from '../account';
import { isolateCache } from '../caches';
import { deploymentOf, type RequestContext, type ServerSetting } from '../config';
import { catalogueKey } from './catalogue';
import { connectUpstream, type Handshake, type UpstreamConnection } from './connection';
import type { UpstreamContext } from './credentials';
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
 * A view for one request without a session: each use connects anew. What a server says meanwhile is told on the
 * request's stream; what it asks, its client answers with its next request.
 */
export function passingView(work: UpstreamContext, principal: Principal, { mcpReq }: Passing): View {
  const handshakes = handshakesOf(work.env);
  const envelope: Record<string, unknown> = mcpReq.envelope ?? {};
  const capabilities = (envelope[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientCapabilities;
  const prepare = (client: Client) =>
    client.setNotificationHandler('notifications/message', (said) => mcpReq.notify(said));
  return {
    work,
    principal,
    logLevel: envelope[LOG_LEVEL_META_KEY] as LoggingLevel | undefined,
    urlElicitation: capabilities.elicitation?.url !== undefined,
    use: async (server, act) => {
      const key = catalogueKey(server, principalAt(deploymentOf(work), principal, server));
      const greeting = handshakes.get(key);
      const options = { acting: () => ({ work, principal }), capabilities, prepare, greeting, oneWay: true };
      try {
        const behind = await connectUpstream(server, options);
        if (!greeting && isLasting(behind.greeting)) handshakes.set(key, behind.greeting);
        return await act(behind).finally(() => behind.end());
      } catch (error) {
        handshakes.delete(key);
        throw error;
      }
    },
  };
}

/** As much of a request's context as a passing view needs. */
export interface Passing {
  mcpReq: Pick<ServerContext['mcpReq'], 'envelope' | 'notify'>;
}

/** The context of what nobody asked for by MCP. */
export const UNASKED: Passing = { mcpReq: { notify: async () => undefined } };

/** A 2025-era session is over with the request; all else that a server says of itself may be kept. */
function isLasting(greeting: Handshake): boolean {
  return greeting.era === 'modern' || greeting.session === undefined;
}

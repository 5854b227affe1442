import {
  CLIENT_CAPABILITIES_META_KEY,
  type Client,
  type ClientCapabilities,
  LOG_LEVEL_META_KEY,
  type LoggingLevel,
} from '@modelcontextprotocol/client';
import type { ServerContext } from '@modelcontextprotocol/server';
import { usableServers } from '../account';
import { deploymentOf, type RequestContext, type ServerSetting } from '../config';
import { catalogueKey } from './catalogue';
import { connectUpstream, type Handshake, type UpstreamConnection } from './connection';
import { type Principal, principalAt } from './principal';

/** The servers behind, as one principal may use them. */
export interface View {
  work: RequestContext;
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
export function serversOf({ work, principal }: Pick<View, 'work' | 'principal'>): ServerSetting[] {
  const usable = usableServers(deploymentOf(work).settings, principal.identity);
  const { servers, server } = principal;
  return usable.filter(({ name }) => servers.includes(name) && (server === undefined || name === server));
}

/** Whether they are at `/mcp`, with all their servers and the gate's own tools. */
export function isAtMerged({ principal }: Pick<View, 'principal'>): boolean {
  return principal.server === undefined;
}

/** How long a server is taken at its word about its era and what it can do, in ms. */
const GREETING_MS = 60_000;
const MAX_GREETINGS = 1_000;
type Greetings = Map<string, { greeting: Handshake; until: number }>;
const known = new WeakMap<object, Greetings>();

/**
 * A view for one request without a session: each use connects anew. What a server says meanwhile is told on the
 * request's stream; what it asks, its client answers with its next request.
 */
export function passingView(work: RequestContext, principal: Principal, { mcpReq }: Passing): View {
  const greetings = known.get(work.env) ?? (new Map() as Greetings);
  known.set(work.env, greetings);
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
      const remembered = greetings.get(key);
      const greeting = remembered && remembered.until > Date.now() ? remembered.greeting : undefined;
      const options = { acting: () => ({ work, principal }), capabilities, prepare, greeting, oneWay: true };
      try {
        const behind = await connectUpstream(server, options);
        if (!greeting && isLasting(behind.greeting)) {
          if (greetings.size >= MAX_GREETINGS) greetings.delete(greetings.keys().next().value ?? '');
          greetings.set(key, { greeting: behind.greeting, until: Date.now() + GREETING_MS });
        }
        return await act(behind).finally(() => behind.end());
      } catch (error) {
        greetings.delete(key);
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

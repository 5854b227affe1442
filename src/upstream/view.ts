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
import { connectUpstream } from './connect';
import type { UpstreamConnection } from './connection';
import type { UpstreamContext } from './credentials';
import { SessionLost } from './exchange';
import type { Handshake } from './handshake';
import { type Principal, principalAt } from './principal';

/** The upstream servers as one principal may use them, in one request or session. */
export interface View {
  work: UpstreamContext;
  principal: Principal;
  /** The level of log messages that the client wants from servers; undefined: it set none. */
  logLevel?: LoggingLevel | undefined;
  /** Whether the client can open links for its user (MCP, "URL mode elicitation"). */
  urlElicitation: boolean;
  /** Notes that the client was asked to open a link to connect a server, to notify it when that is done. */
  elicited?(server: string, elicitationId: string): void;
  /** Does something at a server. Rejects with what `connectUpstream` and `act` throw. */
  use<T>(server: ServerSetting, act: (behind: UpstreamConnection) => Promise<T>): Promise<T>;
}

/**
 * The servers of a grant that its user may still use, in the order of the settings. At `/mcp/{server}`, only that
 * one.
 */
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

/** Whether the principal uses `/mcp`, with all servers and the gate's own tools. */
export function isAtMerged({ principal }: Pick<View, 'principal'>): boolean {
  return principal.server === undefined;
}

/** The cached handshakes of servers, for requests without a session. */
const handshakesOf = isolateCache<Handshake>('serverHandshakes');

/**
 * A view for one request without a session: each use makes its own connection, and ends it. Handshakes are cached.
 *
 * @param meta the `_meta` of the request, with the client's capabilities and log level
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
      const attempt = async (handshake: Handshake | undefined) => {
        // No capabilities are announced to a 2025 server: its requests couldn't be passed on.
        const options = { acting: () => ({ work, principal }), capabilities: {}, handshake, prefers };
        const upstream = await connectUpstream(server, options);
        if (!handshake && isLasting(upstream.handshake)) handshakes.set(key, upstream.handshake);
        return act(upstream).finally(() => upstream.end());
      };
      const known = handshakes.get(key);
      try {
        return await attempt(known);
      } catch (error) {
        handshakes.delete(key);
        // Another server is there now, which did nothing: it is asked how it is spoken to.
        if (known && error instanceof SessionLost) return attempt(undefined);
        throw error;
      }
    },
  };
}

/** Whether a handshake can be used again. The session of a 2025 server ends with the request. */
function isLasting(handshake: Handshake): boolean {
  return handshake.era === 'modern' || handshake.session === undefined;
}

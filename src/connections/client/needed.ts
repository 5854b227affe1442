import type { Context } from 'hono';
import type { Connection } from '../../account';
import { accountOf } from '../../account';
import type { ServerSetting } from '../../config';
import type { Flow } from '../../flow';
import { type ConnectedServer, needsConnection, placeOf } from '../../upstream';
import { stagedServers } from './staged';

/**
 * `pending`: the person is at the provider now; `orphaned`: there is a connection, and no server in the settings
 * that it could be for.
 */
export type ConnectionStatus =
  | 'connected'
  | 'needs_reauthorization'
  | 'not_connected'
  | 'pending'
  | 'orphaned';

/** What an account holds, as its object lists it. */
export interface Held {
  connections: Connection[];
  pending: string[];
}

/** A server that needs a connection, and how it stands with a user's. */
export interface NeededConnection {
  server: ConnectedServer;
  status: ConnectionStatus;
  /** Why it needs re-authorization, as a tag. */
  reason: string | undefined;
  connection: Connection | undefined;
}

/** How each server that needs a connection stands, by plain data. */
export function statusesOf(servers: ServerSetting[], held: Held, staged: string[] = []): NeededConnection[] {
  return servers.filter(needsConnection).map((server) => {
    const found = held.connections.find((one) => one.server === server.name && one.auth === server.auth);
    const moved = found !== undefined && found.place !== placeOf(server);
    const standing = found === undefined ? 'not_connected' : moved ? 'needs_reauthorization' : found.status;
    const pending = held.pending.includes(server.name) && standing !== 'connected';
    return {
      server,
      status: staged.includes(server.name) ? 'connected' : pending ? 'pending' : standing,
      reason: moved ? 'server_moved' : found?.reason,
      connection: found,
    };
  });
}

/** The connections for which there is no server any more, or none that takes them. */
export function orphansOf(servers: ServerSetting[], { connections }: Held): Connection[] {
  return connections.filter(
    ({ server, auth }) => !servers.some((one) => one.name === server && one.auth === auth),
  );
}

/**
 * Which of these servers need a connection of this user, and how each stands. With a flow, what was obtained in it
 * counts as connected.
 */
export async function connectionsNeeded(
  c: Context,
  user: string,
  servers: ServerSetting[],
  flow?: Flow,
): Promise<NeededConnection[]> {
  if (!servers.some(needsConnection)) return [];
  const held = await accountOf(c.env, user).listConnections();
  return statusesOf(servers, held, flow ? await stagedServers(flow, user) : []);
}

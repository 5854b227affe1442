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

/** The connections of an account, as its object lists them. `pending`: names of servers. */
export interface HeldConnections {
  connections: Connection[];
  pending: string[];
}

/** A server that needs a connection, and the status of a user's. */
export interface NeededConnection {
  server: ConnectedServer;
  status: ConnectionStatus;
  /** Why it needs re-authorization, as a tag. */
  reason: string | undefined;
  connection: Connection | undefined;
}

/** The status of each server that needs a connection, by plain data. `staged`: names of servers connected in a flow. */
export function statusesOf(
  servers: ServerSetting[],
  held: HeldConnections,
  staged: string[] = [],
): NeededConnection[] {
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

/** The connections that no server takes any more: it is gone from the settings, or has another `auth`. */
export function orphansOf(servers: ServerSetting[], { connections }: HeldConnections): Connection[] {
  return connections.filter(
    ({ server, auth }) => !servers.some((one) => one.name === server && one.auth === auth),
  );
}

/**
 * Those of these servers that need a connection of this user, each with its status. With a flow, what was obtained in
 * it counts as connected.
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

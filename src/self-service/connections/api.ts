import type { Connection } from '../../account';
import { deploymentOf, titleOf } from '../../config';
import { apiError, toTime } from '../shared/api';
import type { PersonContext } from '../shared/person';
import { endOwnConnection, listOwnConnections } from './own';

/** `GET /api/connections`: each server at which the person needs an account of their own, and its status. */
export async function listConnections(c: PersonContext): Promise<Response> {
  const { origin } = deploymentOf(c);
  const { needed, orphans } = await listOwnConnections(c);
  const items = needed.map(({ server, status, reason, connection }) => ({
    server: server.name,
    title: titleOf(server),
    auth: server.auth,
    status,
    reason: status === 'needs_reauthorization' ? reason : undefined,
    ...describe(connection),
    connect_url: `${origin}/connect/${server.name}`,
  }));
  const rest = orphans.map((connection) => ({
    server: connection.server,
    title: connection.server,
    auth: connection.auth,
    status: 'orphaned',
    ...describe(connection),
  }));
  return c.json({ items: [...items, ...rest] });
}

/** `DELETE /api/connections/{server}`: 204, or 404 when there is no connection to it. */
export async function deleteConnection(c: PersonContext): Promise<Response> {
  const existed = await endOwnConnection(c, c.req.param('server') ?? '');
  if (existed) return c.body(null, 204);
  return apiError(c, 404, 'not_found', 'There is no connection to that server');
}

/** Members that are undefined are left out of the JSON. */
function describe(connection: Connection | undefined) {
  const time = (at: number | undefined) => (at === undefined ? undefined : toTime(at));
  return {
    scope: connection?.scope,
    created_at: time(connection?.connected_at),
    last_used_at: time(connection?.last_used_at),
  };
}

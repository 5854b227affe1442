import { type Context, Hono } from 'hono';
import type { Connection } from '../../account';
import { accountOf } from '../../account';
import { deploymentOf } from '../../config';
import { type ConnectionStatus, isWithinKey, orphansOf, serversOf, standingOf } from '../../connections';
import { currentSignIn } from '../../sign-in';
import type { ApiUser } from '../shared/api';
import { endConnection } from './end';

type ApiContext = Context<{ Bindings: Env; Variables: { user: ApiUser } }>;

/**
 * `/api/connections`: each server at which this person needs an account of their own, and how it stands. Mounted
 * behind the API's own check of who calls.
 */
export const connectionsApi = new Hono<{ Bindings: Env; Variables: { user: ApiUser } }>()
  .get('/api/connections', async (c) => c.json({ items: await listConnections(c) }))
  .delete('/api/connections/:server', async (c) => {
    const { userId, key } = c.var.user;
    const name = c.req.param('server');
    const existed = isWithinKey(name, key) && (await endConnection(c, userId, name));
    if (!existed) {
      return c.json({ error: 'not_found', error_description: 'There is no connection to that server' }, 404);
    }
    return c.body(null, 204);
  });

async function listConnections(c: ApiContext): Promise<object[]> {
  const { settings, origin } = deploymentOf(c);
  const held = await accountOf(c.env, c.var.user.userId).listConnections();
  const person = await currentSignIn(c);
  const servers = person ? serversOf(settings, person) : [];
  const standing = standingOf(servers, held).map(({ server, status, reason, connection }) =>
    show(server.name, server.title, server.auth, status, reason, connection, {
      connect_url: `${origin}/connect/${server.name}`,
    }),
  );
  // Of servers that this person may no longer know of nothing is said but what they themselves connected.
  const orphans = orphansOf(servers, held)
    .filter(({ server }) => isWithinKey(server, c.var.user.key))
    .map((connection) =>
      show(connection.server, undefined, connection.auth, 'orphaned', undefined, connection, {}),
    );
  return [...standing, ...orphans];
}

function show(
  server: string,
  title: string | undefined,
  auth: string,
  status: ConnectionStatus,
  reason: string | undefined,
  connection: Connection | undefined,
  more: object,
): object {
  const time = (at: number | undefined) => (at === undefined ? undefined : new Date(at * 1000).toISOString());
  const shown = {
    server,
    title: title ?? server,
    auth,
    status,
    reason: status === 'needs_reauthorization' ? reason : undefined,
    scope: connection?.scope,
    created_at: time(connection?.connected_at),
    last_used_at: time(connection?.last_used_at),
    ...more,
  };
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined));
}

import { type Context, Hono } from 'hono';
import { type ApiUser, type Connection, usableServers } from '../account';
import { currentSignIn } from '../sign-in';
import { siteOf } from '../site';
import { endConnection } from './end';
import { type ConnectionStatus, orphansOf, standingOf } from './needed';

type ApiContext = Context<{ Bindings: Env; Variables: { user: ApiUser } }>;

/**
 * `/api/connections`: each server at which this person needs an account of their own, and how it stands. Mounted
 * behind the API's own check of who calls.
 */
export const connectionsApi = new Hono<{ Bindings: Env; Variables: { user: ApiUser } }>()
  .get('/api/connections', async (c) => c.json({ items: await listConnections(c) }))
  .delete('/api/connections/:server', async (c) => {
    const existed = await endConnection(c, c.var.user.userId, c.req.param('server'));
    if (!existed) {
      return c.json({ error: 'not_found', error_description: 'There is no connection to that server' }, 404);
    }
    return c.body(null, 204);
  });

async function listConnections(c: ApiContext): Promise<object[]> {
  const { settings, origin } = siteOf(c);
  const held = await c.env.ACCOUNT.getByName(c.var.user.userId).listConnections();
  const identity = (await currentSignIn(c))?.identity;
  const servers = identity ? usableServers(settings, identity) : [];
  const standing = standingOf(servers, held).map(({ server, status, reason, connection }) =>
    show(server.name, server.title, server.auth, status, reason, connection, {
      connect_url: `${origin}/connect/${server.name}`,
    }),
  );
  // Of servers that this person may no longer know of nothing is said but what they themselves connected.
  const orphans = orphansOf(servers, held).map((connection) =>
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

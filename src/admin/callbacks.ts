import type { Context } from 'hono';
import { deploymentOf } from '../config';
import { listCallbacks } from '../connections';

/**
 * `GET /api/admin/callbacks`: the redirect URI to register at the provider of each server, where the gate's client is
 * registered by hand. For admins and the operator: it names all servers.
 */
export async function showCallbacks(c: Context): Promise<Response> {
  return c.json({ items: await listCallbacks(deploymentOf(c)) });
}

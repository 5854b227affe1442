import { Hono } from 'hono';
import { deploymentOf } from '../config';
import { listCallbacks } from '../connections';
import { type AdminVariables, admit } from './admit';

/**
 * `GET /api/admin/callbacks`: the redirect URI to register at the provider of each server, where the gate is
 * registered by hand. For admins and the operator: it names all servers.
 */
export const adminCallbacksApi = new Hono<{ Bindings: Env; Variables: AdminVariables }>()
  .use('/api/admin/callbacks', (c, next) => admit(c, next))
  .get('/api/admin/callbacks', async (c) => c.json({ items: await listCallbacks(deploymentOf(c)) }));

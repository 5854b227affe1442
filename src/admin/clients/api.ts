import { deploymentOf } from '../../config';
import { apiError } from '../../self-service';
import type { AdminContext } from '../shared/admit';
import { block, unblock, usedClients } from './clients';

/** `GET /api/admin/clients`: the apps, and how many people use each. */
export async function listClients(c: AdminContext): Promise<Response> {
  return c.json({ items: await usedClients(deploymentOf(c)) });
}

/** `POST /api/admin/clients/{id}/block`: 204. `id`: the client id, percent-encoded where it is a URL. */
export async function blockAnyClient(c: AdminContext): Promise<Response> {
  const id = c.req.param('id') ?? '';
  if (id.length > 2_048) return apiError(c, 404, 'not_found', 'There is none of that id');
  await block(c, id);
  return c.body(null, 204);
}

/** `POST /api/admin/clients/{id}/unblock`: 204, or 404 when it wasn't blocked. */
export async function unblockAnyClient(c: AdminContext): Promise<Response> {
  const was = await unblock(c, c.req.param('id') ?? '');
  return was ? c.body(null, 204) : apiError(c, 404, 'not_found', 'That client is not blocked');
}

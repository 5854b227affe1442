import { Hono } from 'hono';
import { type AdminEnv, admit } from './admit';
import { showTrail } from './audit';
import { showCallbacks } from './callbacks';
import { createServiceKey, deleteAnyKey, listAllKeys } from './keys';

/**
 * `/api/admin`, for the operator's command and for admins who signed in themselves. Service keys are made here, and
 * the keys of all people and services are listed and revoked.
 */
export const adminApi = new Hono<AdminEnv>()
  .use(admit)
  .get('/callbacks', showCallbacks)
  .get('/audit', showTrail)
  .get('/keys', listAllKeys)
  .post('/keys', createServiceKey)
  .delete('/keys/:id', deleteAnyKey);

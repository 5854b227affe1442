import { Hono } from 'hono';
import { showTrail } from './audit';
import { showCallbacks } from './callbacks';
import { blockAnyClient, listClients, unblockAnyClient } from './clients/api';
import { deleteAnyGrant, listAllGrants } from './clients/grants';
import { changeUser, listUsers, userAsJson } from './people/api';
import { showSettings } from './settings';
import { type AdminEnv, admit } from './shared/admit';
import { createServiceKey, deleteAnyKey, listAllKeys } from './shared/keys';
import { listServers } from './shared/servers';

/** `/api/admin`, for the operator's command, for admins who signed in themselves, and for auditors, who only read. */
export const adminApi = new Hono<AdminEnv>()
  .use(admit)
  .get('/audit', showTrail)
  .get('/callbacks', showCallbacks)
  .get('/clients', listClients)
  .post('/clients/:id/block', blockAnyClient)
  .post('/clients/:id/unblock', unblockAnyClient)
  .get('/grants', listAllGrants)
  .delete('/grants/:id', deleteAnyGrant)
  .get('/keys', listAllKeys)
  .post('/keys', createServiceKey)
  .delete('/keys/:id', deleteAnyKey)
  .get('/servers', listServers)
  .get('/settings', showSettings)
  .get('/users', listUsers)
  .get('/users/:id', userAsJson)
  .post('/users/:id/disable', (c) => changeUser(c, 'disable'))
  .post('/users/:id/enable', (c) => changeUser(c, 'enable'))
  .post('/users/:id/sign-out', (c) => changeUser(c, 'sign-out'))
  .delete('/users/:id', (c) => changeUser(c, 'erase'));

import { Hono } from 'hono';
import { personOfPages } from '../../self-service';
import { answerPage } from '../../ui';
import type { AdminEnv } from '../shared/admit';
import { confirmAction, runAction } from './actions';
import { admitToPages } from './admit';
import { showAdminHome, showAllKeys, showClients, showServers, showSettingsPage } from './lists';
import { showUser, showUsers } from './people';
import { showTrailPage } from './trail';

/** `/admin`: pages over what `/api/admin` does, for admins, and for auditors to read. */
export const adminPages = new Hono<AdminEnv>()
  .use(personOfPages, admitToPages)
  .get('/', showAdminHome)
  .get('/users', showUsers)
  .get('/users/:id', async (c) => answerPage(c, await showUser(c)))
  .get('/clients', showClients)
  .get('/servers', showServers)
  .get('/keys', showAllKeys)
  .get('/audit', async (c) => answerPage(c, await showTrailPage(c)))
  .get('/settings', showSettingsPage)
  .get('/do', async (c) => answerPage(c, await confirmAction(c)))
  .post('/do', async (c) => answerPage(c, await runAction(c)));

import { Hono } from 'hono';
import { answerPage } from '../ui';
import { showActivity } from './activity/api';
import { showActivityPage } from './activity/page';
import { confirmRevokeApp, revokeAppByForm, showApps } from './apps/page';
import { confirmEndBrowser, endBrowserByForm, showBrowsers } from './browsers/page';
import { deleteConnection, listConnections } from './connections/api';
import { changeConnection, showConnections } from './connections/pages';
import { showHome } from './home';
import { createKey, deleteKey, listKeys, refuseKeyAsCredential } from './keys/api';
import { createKeyByForm, revokeKeyByForm, showKeys } from './keys/pages';
import { personOfApi } from './shared/api';
import { deleteGrant, listGrants } from './shared/grants';
import { personOfPages } from './shared/pages';
import type { PersonEnv } from './shared/person';
import { deleteSignIn, listSignIns } from './shared/sign-ins';

/** `/account`: pages over what the account of the person signed in holds. */
export const accountPages = new Hono<PersonEnv>()
  .use(personOfPages)
  .get('/', showHome)
  .get('/activity', async (c) => answerPage(c, await showActivityPage(c)))
  .get('/apps', showApps)
  .get('/apps/revoke', async (c) => answerPage(c, await confirmRevokeApp(c)))
  .post('/apps/revoke', async (c) => answerPage(c, await revokeAppByForm(c)))
  .get('/browsers', showBrowsers)
  .get('/browsers/end', async (c) => answerPage(c, await confirmEndBrowser(c)))
  .post('/browsers/end', async (c) => answerPage(c, await endBrowserByForm(c)))
  .get('/connections', showConnections)
  .post('/connections', async (c) => answerPage(c, await changeConnection(c)))
  .get('/keys', async (c) => answerPage(c, await showKeys(c)))
  .post('/keys', async (c) => answerPage(c, await createKeyByForm(c)))
  .post('/keys/revoke', async (c) => answerPage(c, await revokeKeyByForm(c)));

/** `/api`: the same as JSON. Access keys are made by people who signed in themselves only. */
export const accountApi = new Hono<PersonEnv>()
  .post('/keys', refuseKeyAsCredential)
  .use(personOfApi)
  .get('/grants', listGrants)
  .delete('/grants/:id', deleteGrant)
  .get('/connections', listConnections)
  .delete('/connections/:server', deleteConnection)
  .get('/keys', listKeys)
  .post('/keys', createKey)
  .delete('/keys/:id', deleteKey)
  .get('/activity', showActivity)
  .get('/sign-ins', listSignIns)
  .delete('/sign-ins/:id', deleteSignIn);

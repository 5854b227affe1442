import { type Context, Hono } from 'hono';
import { type Identity, VISITOR } from '../account';
import { record } from '../audit';
import { deploymentOf } from '../config';
import { type Flow, findFlow, startFlow } from '../flow';
import { readForm } from '../http';
import { ok } from '../result';
import { answerPage, brandingOf, type PageResult, refusePage, showPage, words } from '../ui';
import { finishSignIn } from './finish';
import { readFlowForm } from './flow-form';
import { signInByKey } from './key-routes';
import { readLocalIdentity } from './local';
import { comeBackFromProvider, endSessionUrl, signInAtProvider, signOutAction } from './oidc-routes';
import { currentSignIn, endSignIn } from './session';
import { showSignIn } from './show-sign-in';
import { SignedInPage, SignedOutPage } from './signed-in-page';
import { welcomeVisitor } from './visitor';
import { askVisitor, decideVisitor } from './visitor-routes';

/** `/sign-in`: who is at the browser. */
export const signInPages = new Hono<{ Bindings: Env }>()
  .get('/', async (c) => answerPage(c, await openSignIn(c)))
  .post('/', async (c) => answerPage(c, await signIn(c)))
  .get('/callback', async (c) => answerPage(c, await comeBackFromProvider(c)))
  .get('/visitor', async (c) => answerPage(c, await askVisitor(c)))
  .post('/visitor', async (c) => answerPage(c, await decideVisitor(c)));

/** `/sign-out`: signs out of this browser. The apps that the person allowed stay allowed. */
export const signOutPages = new Hono<{ Bindings: Env }>()
  .get('/', async (c) => {
    const signedIn = await currentSignIn(c);
    return signedIn ? showSignedIn(c, signedIn.identity) : showSignedOut(c);
  })
  .post('/', async (c) => answerPage(c, await signOut(c)));

/** The sign-in page of the flow that the address names; without one, who is signed in, or a flow of its own. */
async function openSignIn(c: Context): Promise<PageResult> {
  const id = c.req.query('flow');
  if (id !== undefined) {
    const flow = await findFlow(c, id, { touch: true });
    return flow.ok ? ok(await showSignIn(c, flow.value)) : flow;
  }
  const signedIn = await currentSignIn(c);
  // A visitor can sign in on top; anybody else has to sign out first.
  const goesOn = signedIn?.identity.provider === VISITOR && c.req.query('as') === 'user';
  if (signedIn && !goesOn) return ok(await showSignedIn(c, signedIn.identity));
  const flow = await startFlow(c, () => ({ kind: 'sign-in', return_to: '/sign-in' }));
  return flow.ok ? ok(c.redirect(`/sign-in?flow=${flow.value.id}`, 303)) : flow;
}

/** Takes a form of the sign-in page, by its `method`; `method_refused` for one that isn't offered. */
async function signIn(c: Context): Promise<PageResult> {
  const found = await findFlow(c, c.req.query('flow'), { touch: true });
  if (!found.ok) return found;
  const flow = found.value;
  const read = await readFlowForm(c, flow);
  if (!read.ok) return read;
  const form = read.value;
  const named = form.get('method');
  const method = deploymentOf(c).methods.find((name) => name === named);
  if (method === undefined) return refusePage('method_refused', { detail: named ?? undefined });
  switch (method) {
    case 'oidc':
      return signInAtProvider(c, flow, form.get('provider'));
    case 'key':
      return signInByKey(c, flow, form.get('access_key') ?? '');
    case 'skip':
      return signInAsVisitor(c, flow, form.get('label') ?? '');
    case 'local':
      return signInLocally(c, flow, Object.fromEntries(form));
  }
}

async function signInAsVisitor(c: Context, flow: Flow, label: string): Promise<PageResult> {
  const identity = await welcomeVisitor(c, label);
  return identity.ok ? finishSignIn(c, flow, identity.value) : identity;
}

async function signInLocally(c: Context, flow: Flow, form: Record<string, string>): Promise<PageResult> {
  const identity = readLocalIdentity(form);
  if (identity) return finishSignIn(c, flow, identity);
  return ok(await showSignIn(c, flow, { notice: words.signIn.nameMissing, values: form }));
}

/** Signs out. With a `flow` in the form, that flow goes on with another person. */
async function signOut(c: Context): Promise<PageResult> {
  const identity = (await currentSignIn(c))?.identity;
  const user = await endSignIn(c);
  if (user) record(c, { event: 'sign_out', outcome: 'ok', user });
  const form = await readForm(c.req.raw);
  const id = form.ok ? form.value.get('flow') : null;
  if (id === null) {
    const elsewhere = identity && (await endSessionUrl(c, identity.provider));
    return ok(elsewhere === undefined ? await showSignedOut(c) : c.redirect(elsewhere, 303));
  }
  const flow = await findFlow(c, id, { touch: true });
  if (!flow.ok) return flow;
  // What was obtained in it belongs to the person who leaves.
  await flow.value.dropStaged();
  await flow.value.stage('select-account', true);
  return ok(c.redirect(flow.value.data.return_to, 303));
}

function showSignedIn(c: Context, identity: Identity): Promise<Response> {
  const page = <SignedInPage branding={brandingOf(deploymentOf(c))} identity={identity} />;
  return showPage(c, page, { formAction: signOutAction(c, identity) });
}

function showSignedOut(c: Context): Promise<Response> {
  return showPage(c, <SignedOutPage branding={brandingOf(deploymentOf(c))} />);
}

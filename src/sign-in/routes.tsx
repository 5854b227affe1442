import { type Context, Hono } from 'hono';
import { findAccount, type Identity, type ProviderToken, parseKey, VISITOR } from '../account';
import { record } from '../audit';
import { deploymentOf, type OidcProvider, readSecret, secretName, titleOf } from '../config';
import { sha256Hex } from '../crypto';
import { type Flow, openFlow } from '../flow';
import { readForm } from '../http';
import { requireWithinLimit } from '../limits';
import type { Refusal } from '../result';
import { brandingOf, PageProblem, showPage, words } from '../ui';
import { checkDomain } from './domains';
import { readFlowForm, requireFlow } from './flow-form';
import { readLocalIdentity } from './local';
import { beginOidc, finishOidc, type OidcTransaction, stateFlowId } from './oidc';
import type { OidcRefusal } from './oidc-refusals';
import { currentSignIn, endSignIn, startSignIn, startSignInByKey } from './session';
import { SignInPage } from './sign-in-page';
import { SignedInPage, SignedOutPage } from './signed-in-page';
import { welcomeVisitor } from './visitor';
import { afterSignIn, askVisitor, decideVisitor } from './visitor-routes';

const CALLBACK_PATH = '/sign-in/callback';

/** `/sign-in`: who is at the browser. */
export const signInPages = new Hono<{ Bindings: Env }>()
  .get('/', async (c) => {
    const id = c.req.query('flow');
    if (id !== undefined) return showSignIn(c, await requireFlow(c, id, true));
    const signedIn = await currentSignIn(c);
    // A visitor can go on to sign in; for anybody else that begins with signing out.
    const goesOn = signedIn?.identity.provider === VISITOR && c.req.query('as') === 'user';
    if (signedIn && !goesOn) return showSignedIn(c, signedIn.identity);
    const flow = await openFlow(c, () => ({ kind: 'sign-in', return_to: '/sign-in' }));
    return c.redirect(`/sign-in?flow=${flow}`, 303);
  })
  .post('/', async (c) => {
    const { flow, form } = await readFlowForm(c);
    const method = deploymentOf(c).methods.find((name) => name === form.method);
    if (method === undefined) throw new PageProblem('method_refused', { detail: form.method });
    switch (method) {
      case 'oidc':
        return goToProvider(c, flow, findProvider(c, form.provider), {
          selectAccount: (await flow.take<boolean>('select-account')) === true,
        });
      case 'key':
        return signInByKey(c, flow, form.access_key ?? '');
      case 'skip':
        return welcome(c, flow, await welcomeVisitor(c, form.label ?? ''));
      case 'local':
        return signInLocally(c, flow, form);
    }
  })
  .get('/callback', comeBackFromProvider)
  .get('/visitor', askVisitor)
  .post('/visitor', decideVisitor);

/** `/sign-out`: the way out of this browser. The apps that the person allowed stay allowed. */
export const signOutPages = new Hono<{ Bindings: Env }>()
  .get('/', async (c) => {
    const signedIn = await currentSignIn(c);
    return signedIn ? showSignedIn(c, signedIn.identity) : showSignedOut(c);
  })
  .post('/', async (c) => {
    const user = await endSignIn(c);
    if (user) record(c, { event: 'sign_out', outcome: 'ok', user });
    const form = await readForm(c.req.raw);
    const id = form.ok ? form.value.get('flow') : null;
    if (id === null) return showSignedOut(c);
    const flow = await requireFlow(c, id, true);
    // What was obtained in it was somebody's who doesn't go on.
    await flow.dropStaged();
    await flow.stage('select-account', true);
    return c.redirect(flow.data.return_to, 303);
  });

/** The identity step of a flow. */
export async function showSignIn(c: Context, flow: Flow, again?: { notice: string; values: object }) {
  const deployment = deploymentOf(c);
  const oidc = deployment.methods.includes('oidc') ? deployment.settings.signIn.oidc : [];
  const page = (
    <SignInPage
      branding={brandingOf(deployment)}
      action={`/sign-in?flow=${flow.id}`}
      hidden={{ csrf: await flow.csrf() }}
      methods={{
        key: deployment.methods.includes('key'),
        skip: deployment.methods.includes('skip'),
        local: deployment.methods.includes('local'),
        oidc: oidc.map(({ name, title }) => ({ name, title: title ?? name })),
      }}
      {...(flow.data.client_name === undefined ? {} : { clientName: flow.data.client_name })}
      {...again}
    />
  );
  return showPage(c, page, { formAction: 'open', status: again ? 400 : 200 });
}

async function signInLocally(c: Context, flow: Flow, form: Record<string, string>): Promise<Response> {
  const identity = readLocalIdentity(form);
  if (identity) return welcome(c, flow, identity);
  return showSignIn(c, flow, { notice: words.signIn.nameMissing, values: form });
}

/** Signs in the owner of an access key: a person, capped by it, or a service. */
async function signInByKey(c: Context, flow: Flow, typed: string): Promise<Response> {
  const { env, keyring } = deploymentOf(c);
  const text = typed.trim();
  const parsed = parseKey(text);
  const account = parsed.ok ? await findAccount({ env, keyring }, parsed.value.userId) : undefined;
  if (!parsed.ok) return refuseKey(c, flow, parsed.error);
  if (!account) return refuseKey(c, flow, { reason: 'key_not_ours' });
  const looked = await account.keyOwner(parsed.value.keyId, await sha256Hex(text));
  if (!looked.ok) return refuseKey(c, flow, looked.error);
  if (!looked.value) return refuseKey(c, flow, { reason: 'key_unknown' });
  mustComeInThisWay(c, flow, looked.value);
  const signedIn = await startSignInByKey(c, parsed.value, text);
  if (!signedIn.ok) return refuseKey(c, flow, signedIn.error);
  const { userId: user, key } = signedIn.value;
  record(c, { event: 'sign_in', outcome: 'ok', user, grant: key.id, detail: 'key' });
  return c.redirect(flow.data.return_to, 303);
}

async function refuseKey(c: Context, flow: Flow, { reason, detail }: Refusal): Promise<Response> {
  if (reason === 'sso_required') throw ssoRequired(c, flow, { reason, ...(detail ? { detail } : {}) });
  record(c, { event: 'sign_in', outcome: 'refused', reason });
  await requireWithinLimit(c, 'failures');
  const notice = reason === 'key_expired' ? words.signIn.keyExpired : words.signIn.keyRefused;
  return showSignIn(c, flow, { notice, values: {} });
}

async function goToProvider(
  c: Context,
  flow: Flow,
  provider: OidcProvider,
  options: Parameters<typeof beginOidc>[3],
): Promise<Response> {
  const begun = await beginOidc(provider, callbackUrl(c), flow.id, {
    ...options,
    local: deploymentOf(c).local,
  });
  if (!begun.ok) throw oidcProblem(provider, flow, begun.error);
  await flow.stage('oidc', begun.value.transaction);
  return c.redirect(begun.value.url, 303);
}

async function comeBackFromProvider(c: Context): Promise<Response> {
  const deployment = deploymentOf(c);
  const flow = await requireFlow(c, stateFlowId(c.req.query('state') ?? ''), true);
  const transaction = await flow.take<OidcTransaction>('oidc');
  if (!transaction) throw new PageProblem('flow_unknown', { detail: 'no sign-in is under way in it' });
  const provider = findProvider(c, transaction.provider);
  const secret = readSecret({ ...deployment.env }, secretName('OIDC', provider.name, 'CLIENT_SECRET'));
  const callback = new URL(`${callbackUrl(c)}${new URL(c.req.url).search}`);
  const finished = await finishOidc(provider, secret, callbackUrl(c), transaction, callback, deployment);
  if (!finished.ok) {
    record(c, { event: 'sign_in', outcome: 'refused', ...finished.error });
    // It doesn't give us refresh tokens, though it has them: then it is not asked again, and people come in.
    if (finished.error.reason === 'oidc_scope_rejected' && transaction.offline) {
      return goToProvider(c, flow, provider, { selectAccount: transaction.select_account, offline: false });
    }
    throw oidcProblem(provider, flow, finished.error);
  }
  const { identity, refresh_token } = finished.value;
  const { issuer, client_id } = provider;
  return welcome(c, flow, identity, refresh_token ? { issuer, client_id, refresh_token } : undefined);
}

/** Signs the person in and goes on with what waits for that. */
async function welcome(c: Context, flow: Flow, identity: Identity, token?: ProviderToken): Promise<Response> {
  mustComeInThisWay(c, flow, identity);
  const user = await startSignIn(c, identity, token);
  record(c, { event: 'sign_in', outcome: 'ok', user, detail: identity.provider });
  return c.redirect(await afterSignIn(c, flow, identity.provider), 303);
}

/** Ends with a page when that person's address comes in by another provider only. */
function mustComeInThisWay(c: Context, flow: Flow, identity: Identity): void {
  const { oidc } = deploymentOf(c).settings.signIn;
  const bound = checkDomain(identity, oidc);
  if (!bound.ok) throw ssoRequired(c, flow, bound.error);
}

/** `detail`: the name of the provider to come in by. */
function ssoRequired(c: Context, flow: Flow, refusal: Refusal): PageProblem {
  record(c, { event: 'sign_in', outcome: 'refused', ...refusal });
  const provider = deploymentOf(c).settings.signIn.oidc.find(({ name }) => name === refusal.detail);
  const about = provider?.title ?? refusal.detail ?? '';
  return new PageProblem('sso_required', { about, action: tryAgain(flow) });
}

function findProvider(c: Context, name: string | undefined): OidcProvider {
  const provider = deploymentOf(c).settings.signIn.oidc.find((candidate) => candidate.name === name);
  if (!provider) throw new PageProblem('method_refused', { detail: 'no such provider' });
  return provider;
}

function tryAgain(flow: Flow): { label: string; href: string } {
  return { label: words.signIn.again, href: `/sign-in?flow=${flow.id}` };
}

function callbackUrl(c: Context): string {
  return `${deploymentOf(c).origin}${CALLBACK_PATH}`;
}

function oidcProblem(provider: OidcProvider, flow: Flow, refusal: Refusal<OidcRefusal>): PageProblem {
  const options = {
    about: titleOf(provider),
    detail: `${refusal.reason} ${refusal.detail ?? ''}`,
    action: tryAgain(flow),
  };
  switch (refusal.reason) {
    case 'oidc_unreachable':
    case 'oidc_metadata_invalid':
      return new PageProblem('provider_unreachable', options);
    case 'oidc_denied':
    case 'oidc_scope_rejected':
    case 'oidc_error':
      return new PageProblem('provider_refused', options);
    default:
      return new PageProblem('provider_answer_invalid', options);
  }
}

function showSignedIn(c: Context, identity: Identity): Promise<Response> {
  return showPage(c, <SignedInPage branding={brandingOf(deploymentOf(c))} identity={identity} />);
}

function showSignedOut(c: Context): Promise<Response> {
  return showPage(c, <SignedOutPage branding={brandingOf(deploymentOf(c))} />);
}

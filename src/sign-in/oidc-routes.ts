import type { Context } from 'hono';
import type { Identity } from '../account';
import { record } from '../audit';
import { deploymentOf, type OidcProvider, readSecret, secretName, titleOf } from '../config';
import { type Flow, findFlow } from '../flow';
import { ok, type Refusal } from '../result';
import { answerPage, type PageRefusal, type PageResult, readPostedForm, refusePage } from '../ui';
import { finishSignIn, tryAgain } from './finish';
import { beginOidc, finishOidc, type OidcTransaction, stateFlowId } from './oidc';
import { discover, mayReachProvider } from './oidc-discovery';
import { mayRefuseOffline } from './oidc-offline';
import type { OidcRefusal } from './oidc-refusals';

/** The name under which a transaction waits in its flow. */
const TRANSACTION = 'oidc';

/** Sends the browser to the provider that the form names; `method_refused` when there is none of that name. */
export async function signInAtProvider(c: Context, flow: Flow, name: string | null): Promise<PageResult> {
  const provider = findProvider(c, name);
  if (!provider) return refusePage('method_refused', { detail: 'no such provider' });
  const selectAccount = (await flow.take<boolean>('select-account')) === true;
  return goToProvider(c, flow, provider, { selectAccount });
}

/** `GET /sign-in/callback`: the provider sends the browser back, with an answer to the transaction of a flow. */
export async function comeBackFromProvider(c: Context): Promise<PageResult> {
  const deployment = deploymentOf(c);
  const flow = await findFlow(c, stateFlowId(c.req.query('state') ?? ''), { touch: true });
  if (!flow.ok) {
    const detail = errorIn(new URL(c.req.url).searchParams);
    if (detail) record(c, { event: 'sign_in', outcome: 'refused', reason: 'oidc_error', detail });
    return flow;
  }
  const transaction = await flow.value.take<OidcTransaction>(TRANSACTION);
  if (!transaction) return refusePage('flow_unknown', { detail: 'no sign-in is under way in it' });
  const provider = findProvider(c, transaction.provider);
  if (!provider) return refusePage('method_refused', { detail: 'no such provider' });
  const redirectUri = redirectUriOf(c);
  const finished = await finishOidc({
    provider,
    clientSecret: readSecret({ ...deployment.env }, secretName('OIDC', provider.name, 'CLIENT_SECRET')),
    redirectUri,
    transaction,
    answer: new URL(`${redirectUri}${new URL(c.req.url).search}`),
    local: deployment.local,
  });
  if (!finished.ok) {
    record(c, { event: 'sign_in', outcome: 'refused', ...finished.error });
    // The provider lists `offline_access` and refuses it to us: sign in without a refresh token.
    if (transaction.offline && mayRefuseOffline(finished.error)) {
      const again = { selectAccount: transaction.select_account, withoutOffline: true };
      return goToProvider(c, flow.value, provider, again);
    }
    return { ok: false, error: pageOf(provider, flow.value, finished.error) };
  }
  const { identity, refresh_token, report } = finished.value;
  const { issuer, client_id } = provider;
  const token = refresh_token ? { issuer, client_id, refresh_token } : undefined;
  return finishSignIn(c, flow.value, identity, { token, report });
}

/** The parameters of an answer; what else a provider posts (Apple: `user`, once) isn't signed, and not used. */
const ANSWER = ['state', 'code', 'iss', 'error', 'error_description'];

/**
 * `POST /sign-in/callback`: an answer by `response_mode=form_post` (OAuth 2.0 Form Post Response Mode). The browser
 * sends no cookies with a form of another site (`SameSite=Lax`), so the same parameters come back once more by GET.
 */
export async function receiveFormPost(c: Context): Promise<Response> {
  const form = await readPostedForm(c);
  if (!form.ok) return answerPage(c, form);
  const answer = [...form.value].filter(([name, value]) => ANSWER.includes(name) && value.length <= 4096);
  return c.redirect(`/sign-in/callback?${new URLSearchParams(answer)}`, 303);
}

/** The `formAction` of a page with a form that signs this person out: it may end at their provider. */
export function signOutAction(c: Context, { provider }: Identity): 'self' | 'open' {
  return findProvider(c, provider)?.end_session ? 'open' : 'self';
}

/**
 * Where a browser goes to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0, section 2), if the
 * settings say so; undefined: nowhere. A provider that can't be reached keeps nobody signed in here.
 */
export async function endSessionUrl(c: Context, name: string): Promise<string | undefined> {
  const { local, origin } = deploymentOf(c);
  const provider = findProvider(c, name);
  if (!provider?.end_session) return undefined;
  const found = await discover({ provider, local });
  const endpoint = found.ok ? found.value.end_session_endpoint : undefined;
  if (endpoint === undefined || !mayReachProvider({ provider, local }, endpoint)) return undefined;
  const url = new URL(endpoint);
  url.searchParams.set('client_id', provider.client_id);
  url.searchParams.set('post_logout_redirect_uri', `${origin}/sign-out`);
  return url.href;
}

async function goToProvider(
  c: Context,
  flow: Flow,
  provider: OidcProvider,
  options: { selectAccount: boolean; withoutOffline?: boolean },
): Promise<PageResult> {
  const { local } = deploymentOf(c);
  const begun = await beginOidc(provider, redirectUriOf(c), flow.id, { ...options, local });
  if (!begun.ok) return { ok: false, error: pageOf(provider, flow, begun.error) };
  await flow.stage(TRANSACTION, begun.value.transaction);
  return ok(c.redirect(begun.value.url, 303));
}

/** The error of a callback that belongs to no flow, such as one without `state`; undefined when there is none. */
function errorIn(parameters: URLSearchParams): string | undefined {
  const said = [parameters.get('error'), parameters.get('error_description')].filter((text) => text);
  return parameters.has('error') ? said.join(': ').slice(0, 300) : undefined;
}

function findProvider(c: Context, name: string | null): OidcProvider | undefined {
  return deploymentOf(c).settings.signIn.oidc.find((candidate) => candidate.name === name);
}

function redirectUriOf(c: Context): string {
  return `${deploymentOf(c).origin}/sign-in/callback`;
}

/** Error codes of a provider that is in trouble itself, and of one that refuses the gate's request for every person. */
const FAILED = /^(server_error|temporarily_unavailable)\b/;
const REFUSED_GATE =
  /^(invalid_request|invalid_target|request_not_supported|unsupported_(response_type|response_mode|grant_type))\b/;

/** Whom a provider's own error is about, by its code, with which the detail of `oidc_error` begins. */
function whoRefused(detail = ''): 'provider_failed' | 'provider_refused_gate' | 'provider_refused' {
  if (FAILED.test(detail)) return 'provider_failed';
  return REFUSED_GATE.test(detail) ? 'provider_refused_gate' : 'provider_refused';
}

/** Which page a refusal becomes; its own tag goes to the log. */
function pageOf(provider: OidcProvider, flow: Flow, { reason, detail }: Refusal<OidcRefusal>): PageRefusal {
  const more = { about: titleOf(provider), detail: `${reason} ${detail ?? ''}`, action: tryAgain(flow) };
  switch (reason) {
    case 'oidc_unreachable':
    case 'oidc_metadata_invalid':
      return { reason: 'provider_unreachable', ...more };
    case 'oidc_error':
      return { reason: whoRefused(detail), ...more };
    case 'oidc_denied':
    case 'oidc_code_rejected':
      return { reason: 'provider_refused', ...more };
    case 'oidc_scope_rejected':
    case 'oidc_client_rejected':
      return { reason: 'provider_refused_gate', ...more };
    default:
      return { reason: 'provider_answer_invalid', ...more };
  }
}

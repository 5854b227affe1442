import type { Context } from 'hono';
import type { Flow } from '../../flow';
import { ok, type Refusal, type Result } from '../../result';
import { showSignIn } from '../../sign-in';
import { type PageRefusal, refusePage, toPage } from '../../ui';
import type { AuthorizationFlow } from '../authorize/request';
import { decideConnectAccounts, isAtConnectAccounts, showConnectAccounts } from './connect-accounts';
import { decideConsent, showConsent } from './consent';
import { openConsent } from './context';
import { requireUnanswered } from './response';

/*
 * The steps of an authorization flow once its request is checked: sign-in, consent, "Connect your accounts", the client.
 * `/authorize` and `/device` are the same from here on.
 */

/** The page at which the flow stands. */
export async function showStep(
  c: Context,
  flow: Flow<AuthorizationFlow>,
): Promise<Result<Response, PageRefusal>> {
  const consent = await openConsent(c, flow);
  if (!consent.ok) return showSignInOr(c, flow, consent.error);
  return isAtConnectAccounts(c) ? showConnectAccounts(consent.value) : showConsent(consent.value);
}

/** Takes the form of that page. Refused with a page when the form isn't ours, or the flow has ended. */
export async function takeStep(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  form: URLSearchParams,
): Promise<Result<Response, PageRefusal>> {
  const consent = await openConsent(c, flow);
  if (!consent.ok) return showSignInOr(c, flow, consent.error);
  const { userId } = consent.value.person;
  if (!(await flow.checkCsrf(form.get('csrf'), userId))) return refusePage('form_forged');
  const unanswered = await requireUnanswered(consent.value);
  if (!unanswered.ok) return unanswered;
  return isAtConnectAccounts(c)
    ? decideConnectAccounts(consent.value, form)
    : decideConsent(consent.value, form);
}

async function showSignInOr(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  refusal: Refusal<'signed_out'> | PageRefusal,
): Promise<Result<Response, PageRefusal>> {
  if (refusal.reason === 'signed_out') return ok(await showSignIn(c, flow));
  return { ok: false, error: refusal };
}

/** Ends a page's request: with its answer, or with the page of its refusal. */
export function answerPage(c: Context, result: Result<Response, PageRefusal>): Response | Promise<Response> {
  return result.ok ? result.value : toPage(c, result.error);
}

import type { Context } from 'hono';
import type { Flow } from '../../flow';
import { ok, type Refusal } from '../../result';
import { readFlowForm, showSignIn } from '../../sign-in';
import type { PageRefusal, PageResult } from '../../ui';
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
export async function showStep(c: Context, flow: Flow<AuthorizationFlow>): Promise<PageResult> {
  const consent = await openConsent(c, flow);
  if (!consent.ok) return showSignInOr(c, flow, consent.error);
  return isAtConnectAccounts(c) ? showConnectAccounts(consent.value) : showConsent(consent.value);
}

/** Takes the form of that page. Refused when the form isn't ours, or when the flow or the device's request has ended. */
export async function takeStep(c: Context, flow: Flow<AuthorizationFlow>): Promise<PageResult> {
  const consent = await openConsent(c, flow);
  if (!consent.ok) return showSignInOr(c, flow, consent.error);
  const form = await readFlowForm(c, flow, consent.value.person.userId);
  if (!form.ok) return form;
  const unanswered = await requireUnanswered(consent.value);
  if (!unanswered.ok) return unanswered;
  return isAtConnectAccounts(c)
    ? decideConnectAccounts(consent.value, form.value)
    : decideConsent(consent.value, form.value);
}

async function showSignInOr(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  refusal: Refusal<'signed_out'> | PageRefusal,
): Promise<PageResult> {
  if (refusal.reason === 'signed_out') return ok(await showSignIn(c, flow));
  return { ok: false, error: refusal };
}

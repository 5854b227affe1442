import type { Context } from 'hono';
import { accountOf, type ClaimsReport, type Identity, type ProviderToken } from '../account';
import { actor, record } from '../audit';
import { deploymentOf } from '../config';
import { userIdOf } from '../crypto';
import type { Flow } from '../flow';
import { ok, type Refusal } from '../result';
import { type PageRefusal, type PageResult, refusePage, words } from '../ui';
import { checkDomain } from './domains';
import { startSignIn } from './session';
import { afterSignIn } from './visitor-routes';

/**
 * Signs the person in at this browser, and goes on with the flow. `token`: to ask their provider again with. `report`:
 * what arrived from the provider, for the log. Refused as `sso_required`, see {@link checkProvider}, and as
 * `account_disabled`.
 */
export async function finishSignIn(
  c: Context,
  flow: Flow,
  identity: Identity,
  { token, report }: { token?: ProviderToken | undefined; report?: ClaimsReport } = {},
): Promise<PageResult> {
  const bound = checkProvider(c, flow, identity);
  if (!bound.ok) return bound;
  const enabled = await checkEnabled(c, identity);
  if (!enabled.ok) return enabled;
  const user = await startSignIn(c, identity, token);
  record(c, {
    event: 'sign_in',
    outcome: 'ok',
    ...actor(user, identity),
    detail: identity.provider,
    ...report,
  });
  return ok(c.redirect(await afterSignIn(c, flow, identity.provider), 303));
}

/** Refused as `account_disabled` when an admin has disabled that person's account. */
async function checkEnabled(c: Context, identity: Identity): Promise<PageResult<null>> {
  const { env, keyring } = deploymentOf(c);
  const userId = await userIdOf(keyring, identity.issuer, identity.subject);
  if ((await accountOf(env, userId).disabledAt()) === undefined) return ok(null);
  const reason = 'account_disabled';
  record(c, { event: 'sign_in', outcome: 'refused', reason, ...actor(userId, identity) });
  return refusePage(reason, { about: identity.name });
}

/** Refused as `sso_required` when the domain of that person's address is bound to another provider. */
export function checkProvider(c: Context, flow: Flow, identity: Identity): PageResult<null> {
  const bound = checkDomain(identity, deploymentOf(c).settings.signIn.oidc);
  return bound.ok ? ok(null) : { ok: false, error: ssoRequired(c, flow, bound.error) };
}

/** Records the refusal, whose `detail` is the name of the provider to sign in with; its page names that one. */
export function ssoRequired(c: Context, flow: Flow, refusal: Refusal): PageRefusal {
  record(c, { event: 'sign_in', outcome: 'refused', ...refusal });
  const provider = deploymentOf(c).settings.signIn.oidc.find(({ name }) => name === refusal.detail);
  const about = provider?.title ?? refusal.detail ?? '';
  return { reason: 'sso_required', about, action: tryAgain(flow) };
}

/** The button that leads back to the sign-in page of a flow. */
export function tryAgain(flow: Flow): { label: string; href: string } {
  return { label: words.signIn.again, href: `/sign-in?flow=${flow.id}` };
}

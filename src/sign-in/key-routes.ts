import type { Context } from 'hono';
import { findAccount, parseKey } from '../account';
import { actor, record } from '../audit';
import { deploymentOf } from '../config';
import { sha256Hex } from '../crypto';
import type { Flow } from '../flow';
import { checkLimit } from '../limits';
import { ok, type Refusal } from '../result';
import { type PageResult, words } from '../ui';
import { checkProvider, ssoRequired } from './finish';
import { startSignInByKey } from './session';
import { showSignIn } from './show-sign-in';

/**
 * Signs in the owner of an access key, a person or a service account, who may do what the key may. A key that isn't
 * good here gets the form again; after too many it is `too_many_requests`.
 */
export async function signInByKey(c: Context, flow: Flow, typed: string): Promise<PageResult> {
  const text = typed.trim();
  const parsed = parseKey(text);
  if (!parsed.ok) return refuseKey(c, flow, parsed.error);
  const account = await findAccount(deploymentOf(c), parsed.value.userId);
  if (!account) return refuseKey(c, flow, { reason: 'key_not_ours' });
  const owner = await account.keyOwner(parsed.value.keyId, await sha256Hex(text));
  if (!owner.ok) return refuseKey(c, flow, owner.error);
  if (!owner.value) return refuseKey(c, flow, { reason: 'key_unknown' });
  const bound = checkProvider(c, flow, owner.value);
  if (!bound.ok) return bound;
  const signedIn = await startSignInByKey(c, parsed.value, text);
  if (!signedIn.ok) return refuseKey(c, flow, signedIn.error);
  const { userId: user, key } = signedIn.value;
  record(c, { event: 'sign_in', outcome: 'ok', ...actor(user, owner.value), grant: key.id, detail: 'key' });
  return ok(c.redirect(flow.data.return_to, 303));
}

async function refuseKey(c: Context, flow: Flow, refusal: Refusal): Promise<PageResult> {
  const { reason } = refusal;
  if (reason === 'sso_required') return { ok: false, error: ssoRequired(c, flow, refusal) };
  record(c, { event: 'sign_in', outcome: 'refused', reason });
  const within = await checkLimit(c, 'failures');
  if (!within.ok) return within;
  const notice = reason === 'key_expired' ? words.signIn.keyExpired : words.signIn.keyRefused;
  return ok(await showSignIn(c, flow, { notice, values: {} }));
}

import { accountOf, parseToken } from '../../account';
import { answerDevice, readDevice } from '../../flow';
import { ok, type Refusal } from '../../result';
import {
  brandingOf,
  MessagePage,
  type PageRefusal,
  type PageResult,
  refusePage,
  shown,
  showPage,
  words,
} from '../../ui';
import type { DeviceApproval } from '../device/grant';
import { errorRedirect } from '../protocol/library';
import type { ConsentContext } from './context';

/*
 * The authorization response: to the client by redirect (RFC 6749 section 4.1.2), or to the device that asks for it at
 * the token endpoint (RFC 8628 section 3.5), with a page for the person.
 */

const text = words.device;

/** Refused with a page when it is a device's request that has been answered in another browser, or has expired. */
export async function requireUnanswered({ deployment, flow }: ConsentContext): Promise<PageResult<null>> {
  const { device } = flow.data;
  if (!device) return ok(null);
  const waiting = await readDevice(deployment, device.id);
  return waiting.ok ? ok(null) : deviceGone(waiting.error);
}

/** The person declined: `access_denied`. */
export async function respondDenied(consent: ConsentContext): Promise<PageResult> {
  const { c, deployment, flow } = consent;
  const { client, device, request } = flow.data;
  if (!device) {
    const redirectTo = errorRedirect(request, deployment.origin, 'access_denied', 'The person declined');
    return ok(c.redirect(redirectTo, 303));
  }
  const answered = await answerDevice(deployment, device.id, device.user_code, undefined);
  if (!answered.ok) return deviceGone(answered.error);
  return ok(await showEnd(consent, text.denied, text.deniedText(shown(client.name))));
}

/** The person allowed it. `redirectTo`: the client's redirect URI with the code. A device never sees the code itself. */
export async function respondAllowed(consent: ConsentContext, redirectTo: string): Promise<PageResult> {
  const { c, deployment, flow, person } = consent;
  const { client, device } = flow.data;
  if (!device) return ok(c.redirect(redirectTo, 303));
  const code = new URL(redirectTo).searchParams.get('code') ?? '';
  const approval: DeviceApproval = { code, code_verifier: device.code_verifier };
  const answered = await answerDevice(deployment, device.id, device.user_code, approval);
  if (answered.ok) return ok(await showEnd(consent, text.allowed, text.allowedText(shown(client.name))));
  // Another browser answered first, and nobody will redeem this code.
  await accountOf(deployment.env, person.userId).revokeGrant(parseToken(code)?.grantId ?? '');
  return deviceGone(answered.error);
}

/** The page for a device's request that was answered in another browser (`device_answered`), or has expired. */
export function deviceGone({ reason }: Refusal): { ok: false; error: PageRefusal } {
  return refusePage(reason === 'device_answered' ? 'flow_submitted' : 'flow_expired', { detail: reason });
}

/** The last page in this browser: the device goes on by itself. */
function showEnd({ c, deployment }: ConsentContext, title: string, message: string): Promise<Response> {
  return showPage(c, <MessagePage branding={brandingOf(deployment)} title={title} text={message} />);
}

import type { Context } from 'hono';
import { findAccount, parseToken, type TokenAnswer } from '../../account';
import { deploymentOf } from '../../config';
import { pollDevice } from '../../flow';
import { type Client, DEVICE_CODE } from '../protocol/client';
import { type AuthenticatedRequest, issuerConfigOf, oauthError } from '../protocol/token-request';
import type { DeviceRequest } from './authorization';

/** What a person's consent leaves for the device: a code of the usual kind, which the device never sees. */
export interface DeviceApproval {
  code: string;
  code_verifier: string;
}

/** RFC 8628 section 3.5, in words. */
const WAITING = {
  authorization_pending: 'The person has not answered yet',
  slow_down: 'Ask less often: five seconds more between two questions',
  access_denied: 'The person declined',
} as const;

/**
 * `grant_type` device_code (RFC 8628 section 3.4). Once the person allowed it, the code of their consent is
 * redeemed in their account, so that all that holds for codes holds here: one answer, a repeat, a replay.
 */
export async function deviceCode(
  c: Context,
  { client, form }: AuthenticatedRequest & { client: Client },
): Promise<TokenAnswer> {
  const deployment = deploymentOf(c);
  if (!form.device_code) {
    return oauthError('invalid_request', 'device_code is required', 'device_code_missing');
  }
  if (!client.grant_types.includes(DEVICE_CODE)) {
    const text = 'The client is not registered for this grant';
    return oauthError('unauthorized_client', text, 'grant_type_not_registered');
  }
  const isOwn = (data: DeviceRequest) => data.client_id === client.client_id;
  const polled = await pollDevice<DeviceRequest, DeviceApproval>(deployment, form.device_code, isOwn);
  if (!polled.ok) {
    const { reason } = polled.error;
    return reason === 'device_code_expired'
      ? oauthError('expired_token', 'The device code has expired', reason)
      : oauthError('invalid_grant', 'The device code is not valid', reason);
  }
  const answer = polled.value;
  if (answer.state !== 'approved') return oauthError(answer.state, WAITING[answer.state], answer.state);
  const { code, code_verifier } = answer.approved;
  const parts = parseToken(code);
  const account = parts && (await findAccount(deployment, parts.userId));
  if (!account) return oauthError('invalid_grant', 'The device code is not valid', 'code_malformed');
  const { resource } = form;
  const named = resource === undefined ? {} : { resource };
  const redemption = { grant_type: 'authorization_code', code, code_verifier, ...named };
  const presented = { client: deviceIssuing(client), grantId: parts.grantId, secret: code, form: redemption };
  const redeemed = await account.redeemCode(issuerConfigOf(deployment), presented);
  if (redeemed.reason !== 'code_expired') return redeemed;
  return oauthError('expired_token', 'The device code has expired', redeemed.reason);
}

/** A device's client as issuing sees it: what the person allowed it comes by a code, within the gate. */
export function deviceIssuing({ client_id, redirect_uris, grant_types }: Client) {
  return {
    client_id,
    redirect_uris,
    grant_types: [...grant_types, 'authorization_code'],
    response_types: ['code'],
  };
}

import type { Context } from 'hono';
import { findAccount, parseToken } from '../../account';
import { deploymentOf } from '../../config';
import { pollDevice } from '../../flow';
import { refuse } from '../../result';
import { type Client, DEVICE_CODE } from '../protocol/client';
import { type AuthenticatedRequest, issuerConfigOf, type TokenResponse } from '../protocol/token-request';
import type { DeviceRequest } from './authorization';

/** What a person's consent leaves for the device: a code of the usual kind, which the device never sees. */
export interface DeviceApproval {
  code: string;
  code_verifier: string;
}

/**
 * `grant_type` device_code (RFC 8628 section 3.4). Once the person allowed it, the code of their consent is
 * redeemed in their account, so that all that holds for codes holds here: one answer, a repeat, a replay.
 */
export async function deviceCode(
  c: Context,
  { client, form }: AuthenticatedRequest & { client: Client },
): Promise<TokenResponse> {
  const deployment = deploymentOf(c);
  if (!form.device_code) return refuse('device_code_missing');
  if (!client.grant_types.includes(DEVICE_CODE)) return refuse('grant_type_not_registered');
  const isOwn = (data: DeviceRequest) => data.client_id === client.client_id;
  const polled = await pollDevice<DeviceRequest, DeviceApproval>(deployment, form.device_code, isOwn);
  if (!polled.ok) return polled;
  const answer = polled.value;
  if (answer.state !== 'approved') return refuse(answer.state);
  const { code, code_verifier } = answer.approved;
  const parts = parseToken(code);
  const account = parts && (await findAccount(deployment, parts.userId));
  if (!account) return refuse('code_malformed');
  const { resource } = form;
  const named = resource === undefined ? {} : { resource };
  const redemption = { grant_type: 'authorization_code', code, code_verifier, ...named };
  const presented = { client: deviceIssuing(client), grantId: parts.grantId, secret: code, form: redemption };
  const redeemed = await account.redeemCode(issuerConfigOf(deployment), presented);
  const isLate = !redeemed.ok && redeemed.error.reason === 'code_expired';
  return isLate ? refuse('device_code_expired', 'code_expired') : redeemed;
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

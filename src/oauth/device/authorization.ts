import type { Context } from 'hono';
import { record } from '../../audit';
import { type Deployment, deploymentOf } from '../../config';
import { openDevice, showUserCode } from '../../flow';
import { NO_STORE } from '../../http';
import { sourceOf } from '../../limits';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { AuthenticatedClient } from '../clients/authentication';
import { readClientRequest, sendRefusal } from '../clients/client-request';
import { DEVICE_CODE } from '../protocol/client';
import { askedScopes } from '../protocol/scope-request';
import { readTarget } from '../protocol/target';
import { describeSource, type RequestSource } from './request-source';

/** What a device asked for, and from where. `resource`: its canonical URL. */
export interface DeviceRequest {
  client_id: string;
  /** Undefined: what every client asks for that names no scope. */
  scope: string | undefined;
  resource: string;
  user_code: string;
  from: RequestSource;
}

/** Seconds after which a client may try again while too many devices wait. */
const RETRY_AFTER = 60;

/**
 * `POST /oauth/device_authorization` (RFC 8628 section 3.1): a code for the device, and one for the person. Errors are
 * those of RFC 6749 section 5.2 and RFC 8707 section 2; 503 while too many devices wait.
 */
export async function deviceAuthorization(c: Context): Promise<Response> {
  const deployment = deploymentOf(c);
  const { origin } = deployment;
  const request = await readClientRequest(c);
  if (!request.ok) return sendRefusal(c, request.error);
  const asked = checkDeviceRequest(deployment, request.value);
  if (!asked.ok) return sendRefusal(c, asked.error);
  const from = describeSource(deployment, c.req.raw);
  const describe = (user_code: string): DeviceRequest => ({ ...asked.value, user_code, from });
  const opened = await openDevice(deployment, await sourceOf(c), describe);
  const about = { event: 'device_request', client: request.value.client.client_id };
  if (!opened.ok) {
    record(c, { ...about, outcome: 'refused', reason: opened.error.reason });
    const error_description = 'Too many devices are waiting; try again in a minute';
    const headers = { ...NO_STORE, 'Retry-After': String(RETRY_AFTER) };
    return c.json({ error: 'temporarily_unavailable', error_description }, 503, headers);
  }
  record(c, { ...about, outcome: 'ok' });
  const { id, device_code, expires_in, interval } = opened.value;
  const user_code = showUserCode(opened.value.user_code);
  const answer = {
    device_code,
    user_code,
    verification_uri: `${origin}/device`,
    verification_uri_complete: deviceLink(origin, user_code, id),
    expires_in,
    interval,
  };
  return c.json(answer, 200, NO_STORE);
}

/** What a device may ask for: by a client that registered for this grant, a scope that we know, a resource of ours. */
function checkDeviceRequest(
  deployment: Deployment,
  { client, form }: AuthenticatedClient,
): Result<Pick<DeviceRequest, 'client_id' | 'scope' | 'resource'>, Refusal<DeviceRequestReason>> {
  const { client_id, grant_types } = client;
  if (!grant_types.includes(DEVICE_CODE)) return refuse('grant_type_not_registered');
  const { scope } = form;
  const asked = askedScopes(scope);
  if (!asked.ok) return asked;
  const target = readTarget(deployment, form);
  return target.ok ? ok({ client_id, scope, resource: target.value.url }) : target;
}

type DeviceRequestReason = 'grant_type_not_registered' | 'scope_unknown' | 'target_unknown';

/** The link or QR code that a device shows (`verification_uri_complete`): with the code, and which device it is. */
export function deviceLink(origin: string, userCode: string, id: string): string {
  return `${origin}/device?${new URLSearchParams({ user_code: userCode, id })}`;
}

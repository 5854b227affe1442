import type { Context } from 'hono';
import { record } from '../../audit';
import { type Deployment, deploymentOf } from '../../config';
import { openDevice, showUserCode } from '../../flow';
import { NO_STORE } from '../../http';
import { sourceOf } from '../../limits';
import { readClientRequest, sendRefusal } from '../clients/client-request';
import { DEVICE_CODE } from '../protocol/client';
import { askedScopes } from '../protocol/scope-request';
import { readTarget } from '../protocol/target';

/** What a device asked for, and from where. */
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

/** `POST /oauth/device_authorization` (RFC 8628 section 3.1): a code for the device, one for the person. */
export async function deviceAuthorization(c: Context): Promise<Response> {
  const deployment = deploymentOf(c);
  const request = await readClientRequest(c);
  if (!request.ok) return sendRefusal(c, request.error);
  const { client, form } = request.value;
  if (!client.grant_types.includes(DEVICE_CODE)) {
    return sendRefusal(c, { reason: 'grant_type_not_registered' });
  }
  const { client_id } = client;
  const { scope } = form;
  const asked = askedScopes(scope);
  if (!asked.ok) return sendRefusal(c, asked.error);
  const target = readTarget(deployment, form);
  if (!target.ok) return sendRefusal(c, target.error);
  const resource = target.value.url;
  const from = describeSource(deployment, c.req.raw);
  const describe = (user_code: string): DeviceRequest => ({ client_id, scope, resource, user_code, from });
  const opened = await openDevice(deployment, await sourceOf(c), describe);
  if (!opened.ok) {
    record(c, {
      event: 'device_request',
      outcome: 'refused',
      reason: opened.error.reason,
      client: client_id,
    });
    const error_description = 'Too many devices are waiting; try again in a minute';
    const headers = { ...NO_STORE, 'Retry-After': String(RETRY_AFTER) };
    return c.json({ error: 'temporarily_unavailable', error_description }, 503, headers);
  }
  record(c, { event: 'device_request', outcome: 'ok', client: client_id });
  const { id, device_code, expires_in, interval } = opened.value;
  const user_code = showUserCode(opened.value.user_code);
  const verification_uri_complete = deviceLink(deployment.origin, user_code, id);
  const verification_uri = `${deployment.origin}/device`;
  return c.json(
    { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval },
    200,
    NO_STORE,
  );
}

/** The address that a device shows as a link or QR code: with the code in it, and which device it is. */
export function deviceLink(origin: string, userCode: string, id: string): string {
  return `${origin}/device?${new URLSearchParams({ user_code: userCode, id })}`;
}

/** Where a request came from, by the platform's own header and data; locally that data is made up. */
export function describeSource(deployment: Deployment, request: Request): RequestSource {
  const address = request.headers.get('cf-connecting-ip')?.slice(0, 60);
  const { city, country } = (deployment.local ? {} : (request.cf ?? {})) as {
    city?: unknown;
    country?: unknown;
  };
  const place = [city, country]
    .filter((part) => typeof part === 'string')
    .join(', ')
    .slice(0, 100);
  return { ...(address ? { address } : {}), ...(place ? { place } : {}) };
}

/** Where a request came from, as far as the platform tells. */
export interface RequestSource {
  address?: string;
  place?: string;
}

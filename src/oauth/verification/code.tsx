import type { Context } from 'hono';
import { VISITOR } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { randomSecret, s256 } from '../../crypto';
import {
  type Flow,
  type FlowData,
  findDevice,
  GUESS_WINDOW,
  readUserCode,
  showUserCode,
  startFlow,
} from '../../flow';
import { sourceOf } from '../../limits';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { SignedIn } from '../../sign-in';
import { brandingOf, type PageResult, refusePage, showPage, words } from '../../ui';
import type { AuthorizationFlow } from '../authorize/request';
import { findClient } from '../clients/clients';
import { deviceGone } from '../consent/response';
import { type DeviceRequest, deviceLink } from '../device/authorization';
import { askedScopes } from '../protocol/scope-request';
import { DeviceCodePage } from './page';

/** A browser on its way to a device: nothing is known of the device yet but what a link said. */
export interface CodeFlow extends FlowData {
  kind: 'device-code';
  user_code?: string;
  /** Which device the link is about, if this deployment made it. */
  device?: string;
}

const text = words.device;

/** A code that was refused, as it was typed, and the page's status with it. */
interface RefusedCode {
  code: string;
  notice: string;
  status: 400 | 429;
}

/** The page where the person types or compares the code of a device. */
export async function showCode(
  c: Context,
  flow: Flow<CodeFlow>,
  { userId, identity }: SignedIn,
  refused?: RefusedCode,
): Promise<Response> {
  const deployment = deploymentOf(c);
  const { user_code, device } = flow.data;
  const linked = user_code === undefined ? undefined : showUserCode(user_code);
  const code = refused?.code ?? linked;
  const link = linked && device ? deviceLink(deployment.origin, linked, device) : undefined;
  const page = (
    <DeviceCodePage
      branding={brandingOf(deployment)}
      action={flow.data.return_to}
      hidden={{ csrf: await flow.csrf(userId) }}
      user={identity.name}
      switchAccount={{ action: '/sign-out', hidden: { flow: flow.id } }}
      {...(code === undefined ? {} : { code })}
      {...(link === undefined ? {} : { link })}
      {...(refused === undefined ? {} : { notice: refused.notice })}
    />
  );
  const headers = refused?.status === 429 ? { 'Retry-After': String(GUESS_WINDOW) } : {};
  return showPage(c, page, { status: refused?.status ?? 200, headers });
}

/**
 * The person confirms a code: the device that shows it gets a flow of its own, to be decided. A wrong code is answered
 * with the page again; refused with a page when the device no longer waits or its client is gone.
 */
export async function takeCode(
  c: Context,
  flow: Flow<CodeFlow>,
  person: SignedIn,
  typed: string,
): Promise<PageResult> {
  const found = await findTyped(c, flow, person, typed);
  if (!found.ok) {
    const { reason } = found.error;
    record(c, { event: 'user_code', outcome: 'refused', reason, user: person.userId });
    if (reason === 'device_answered' || reason === 'device_code_expired') return deviceGone(found.error);
    const tooMany = reason === 'user_code_guesses';
    const code = typed.slice(0, 20);
    const refused = {
      code,
      notice: tooMany ? text.tooMany : text.wrong,
      status: tooMany ? 429 : 400,
    } as const;
    return ok(await showCode(c, flow, person, refused));
  }
  const { id: device, data } = found.value;
  const client = await findClient(deploymentOf(c), data.client_id, await sourceOf(c));
  if (!client.ok) return refusePage('client_unknown', { detail: client.error.reason });
  const code_verifier = randomSecret();
  const code_challenge = await s256(code_verifier);
  const redirect_uri = `${deploymentOf(c).origin}/device`;
  const { client_id, resource, user_code, from } = data;
  const asked = askedScopes(data.scope);
  const begun = await startFlow(
    c,
    (id): AuthorizationFlow => ({
      kind: 'device',
      return_to: `/device?flow=${id}`,
      client_name: client.value.name,
      client: client.value,
      asked: asked.ok ? asked.value : [],
      request: { client_id, redirect_uri, state: '', code_challenge, resource },
      device: { id: device, user_code, code_verifier, from },
    }),
  );
  if (!begun.ok) return begun;
  record(c, { event: 'user_code', outcome: 'ok', user: person.userId, client: client_id });
  return ok(c.redirect(begun.value.data.return_to, 303));
}

/** The device whose code was typed. A link's own code needs no guess: the link says which device it is about. */
async function findTyped(
  c: Context,
  { data }: Flow<CodeFlow>,
  { userId, identity }: SignedIn,
  typed: string,
): Promise<Result<{ id: string; data: DeviceRequest }, Refusal>> {
  const code = readUserCode(typed);
  if (code === undefined) return refuse('user_code_malformed');
  const id = code === data.user_code ? data.device : undefined;
  const budget = identity.provider === VISITOR ? 'visitors' : 'people';
  return findDevice<DeviceRequest>(deploymentOf(c), code, { userId, budget, from: await sourceOf(c), id });
}

import { type Context, Hono } from 'hono';
import { accountOf, parseToken, VISITOR } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import type { TryCredential } from '../../connections';
import { randomSecret, s256 } from '../../crypto';
import {
  answerDevice,
  type Flow,
  type FlowData,
  findDevice,
  GUESS_WINDOW,
  openFlow,
  readDevice,
  readUserCode,
  showUserCode,
} from '../../flow';
import { sourceOf } from '../../limits';
import type { Refusal, Result } from '../../result';
import { currentSignIn, requireFlow, type SignedIn, showSignIn } from '../../sign-in';
import {
  brandingOf,
  MessagePage,
  PageProblem,
  readPageForm,
  requireSameOrigin,
  shown,
  showPage,
  words,
} from '../../ui';
import { requireSignedInPerson } from '../authorize/person';
import type { AuthorizationFlow } from '../authorize/request';
import { findClient } from '../clients/clients';
import type { Ending } from '../consent/choice';
import { decideServices, isAtServices, showServices } from '../consent/connect-accounts';
import { decide, type SurveyTools, showConsent } from '../consent/consent';
import { type DeviceRequest, deviceLink } from '../device/authorization';
import type { DeviceApproval } from '../device/grant';
import { askedScopes } from '../protocol/scope-request';
import { DevicePage } from './page';

/** A browser on its way to a device: nothing is known of the device yet but what a link said. */
interface CodeFlow extends FlowData {
  kind: 'device-code';
  user_code?: string;
  /** Which device the link is about, if this deployment made it. */
  device?: string;
}

/** A device's code was confirmed, and its request is to be decided. */
type DeviceFlow = AuthorizationFlow & Required<Pick<AuthorizationFlow, 'device'>>;

type AnyFlow = Flow<CodeFlow> | Flow<DeviceFlow>;

const text = words.device;

/** `/device`: sign-in, the code, then the same consent as everybody's, and an end in this browser. */
export const deviceRoutes = (survey: SurveyTools, tryCredential: TryCredential) =>
  new Hono<{ Bindings: Env }>()
    .get('/device', async (c) => {
      const id = c.req.query('flow');
      if (id === undefined) return begin(c);
      const flow = await findDeviceFlow(c, id);
      if (!isDevice(flow)) {
        const signedIn = await currentSignIn(c);
        return signedIn ? showCode(c, flow, signedIn) : showSignIn(c, flow);
      }
      const person = await requireSignedInPerson(c, flow);
      if (!person) return showSignIn(c, flow);
      return isAtServices(c) ? showServices(c, flow, person) : showConsent(c, flow, person, survey);
    })
    .post('/device', async (c) => {
      requireSameOrigin(c);
      const flow = await findDeviceFlow(c, c.req.query('flow'));
      const form = await readPageForm(c);
      const person = isDevice(flow) ? await requireSignedInPerson(c, flow) : await currentSignIn(c);
      if (!person) return showSignIn(c, flow);
      if (!(await flow.checkCsrf(form.get('csrf'), person.userId))) throw new PageProblem('form_forged');
      if (!isDevice(flow)) return takeCode(c, flow, person, form.get('user_code') ?? '');
      const { role } = person;
      if (!role) throw new PageProblem('no_access');
      await mustWait(c, flow);
      const [decider, ending] = [{ ...person, role }, backToDevice(c, flow, person.userId)];
      if (isAtServices(c)) return decideServices(c, flow, decider, form, tryCredential, ending);
      return decide(c, flow, decider, survey, form, ending);
    });

/** Opens a flow in this browser. A link's code goes into the form, and no further. */
async function begin(c: Context): Promise<Response> {
  const user_code = readUserCode(c.req.query('user_code') ?? '');
  const device = c.req.query('id');
  const linked = device === undefined ? undefined : await readDevice(deploymentOf(c), device);
  const isOurs = linked?.ok || (linked && linked.error.reason !== 'device_code_unknown');
  const id = await openFlow(
    c,
    (flowId): CodeFlow => ({
      kind: 'device-code',
      return_to: `/device?flow=${flowId}`,
      ...(user_code === undefined ? {} : { user_code }),
      ...(isOurs && device !== undefined ? { device } : {}),
    }),
  );
  return c.redirect(`/device?flow=${id}`, 303);
}

async function findDeviceFlow(c: Context, id: string | undefined): Promise<AnyFlow> {
  const flow = await requireFlow(c, id, c.req.method === 'POST');
  if (!['device-code', 'device'].includes(flow.data.kind)) throw new PageProblem('flow_unknown');
  return flow as AnyFlow;
}

function isDevice(flow: AnyFlow): flow is Flow<DeviceFlow> {
  return flow.data.kind === 'device';
}

async function showCode(
  c: Context,
  flow: Flow<CodeFlow>,
  { userId, identity }: SignedIn,
  again?: { notice: string; code: string; status: number },
): Promise<Response> {
  const deployment = deploymentOf(c);
  const { user_code, device } = flow.data;
  const linked = user_code === undefined ? undefined : showUserCode(user_code);
  const code = again?.code ?? linked;
  const link = linked && device ? deviceLink(deployment.origin, linked, device) : undefined;
  const page = (
    <DevicePage
      branding={brandingOf(deployment)}
      action={flow.data.return_to}
      hidden={{ csrf: await flow.csrf(userId) }}
      user={identity.name}
      switchAccount={{ action: '/sign-out', hidden: { flow: flow.id } }}
      {...(code === undefined ? {} : { code })}
      {...(link === undefined ? {} : { link })}
      {...(again === undefined ? {} : { notice: again.notice })}
    />
  );
  const headers = again?.status === 429 ? { 'Retry-After': String(GUESS_WINDOW) } : {};
  return showPage(c, page, { status: again?.status ?? 200, headers });
}

/** The person confirms a code: the device that shows it becomes a flow of its own, to be decided. */
async function takeCode(
  c: Context,
  flow: Flow<CodeFlow>,
  person: SignedIn,
  typed: string,
): Promise<Response> {
  const found = await findTyped(c, flow, person, typed);
  if (!found.ok) {
    const { reason } = found.error;
    record(c, { event: 'user_code', outcome: 'refused', reason, user: person.userId });
    if (reason === 'device_answered' || reason === 'device_code_expired') throw deviceProblem(found.error);
    const tooMany = reason === 'user_code_guesses';
    const again = { notice: tooMany ? text.tooMany : text.wrong, status: tooMany ? 429 : 400 };
    return showCode(c, flow, person, { ...again, code: typed.slice(0, 20) });
  }
  const { id: device, data } = found.value;
  const client = await findClient(deploymentOf(c), data.client_id, await sourceOf(c));
  if (!client.ok) throw new PageProblem('client_unknown', { detail: client.error.reason });
  const { client_id, resource, user_code, from } = data;
  const asked = askedScopes(data.scope);
  const code_verifier = randomSecret();
  const redirect_uri = `${deploymentOf(c).origin}/device`;
  const code_challenge = await s256(code_verifier);
  const id = await openFlow(
    c,
    (flowId): DeviceFlow => ({
      kind: 'device',
      return_to: `/device?flow=${flowId}`,
      client_name: client.value.name,
      client: client.value,
      asked: asked.ok ? asked.value : [],
      request: { client_id, redirect_uri, state: '', code_challenge, resource },
      device: { id: device, user_code, code_verifier, from },
    }),
  );
  record(c, { event: 'user_code', outcome: 'ok', user: person.userId, client: client_id });
  return c.redirect(`/device?flow=${id}`, 303);
}

async function findTyped(
  c: Context,
  { data }: Flow<CodeFlow>,
  { userId, identity }: SignedIn,
  typed: string,
): Promise<Result<{ id: string; data: DeviceRequest }, Refusal>> {
  const code = readUserCode(typed);
  if (code === undefined) return { ok: false, error: { reason: 'user_code_malformed' } };
  const id = code === data.user_code ? data.device : undefined;
  const budget = identity.provider === VISITOR ? 'visitors' : 'people';
  return findDevice<DeviceRequest>(deploymentOf(c), code, { userId, budget, from: await sourceOf(c), id });
}

/** Ends with a page when the device no longer waits. */
async function mustWait(c: Context, flow: Flow<DeviceFlow>): Promise<void> {
  const waiting = await readDevice(deploymentOf(c), flow.data.device.id);
  if (!waiting.ok) throw deviceProblem(waiting.error);
}

function deviceProblem({ reason }: Refusal): PageProblem {
  return new PageProblem(reason === 'device_answered' ? 'flow_submitted' : 'flow_expired', {
    detail: reason,
  });
}

/** The device hears the answer when it asks next; the person is told that this is all. */
function backToDevice(c: Context, flow: Flow<DeviceFlow>, userId: string): Ending {
  const deployment = deploymentOf(c);
  const { device, client } = flow.data;
  const end = (title: string, message: string) =>
    showPage(c, <MessagePage branding={brandingOf(deployment)} title={title} text={message} />);
  return {
    denied: async () => {
      const answered = await answerDevice(deployment, device.id, device.user_code, undefined);
      if (!answered.ok) throw deviceProblem(answered.error);
      return end(text.denied, text.deniedText(shown(client.name)));
    },
    allowed: async (redirectTo) => {
      const code = new URL(redirectTo).searchParams.get('code') ?? '';
      const approval: DeviceApproval = { code, code_verifier: device.code_verifier };
      const answered = await answerDevice(deployment, device.id, device.user_code, approval);
      if (answered.ok) return end(text.allowed, text.allowedText(shown(client.name)));
      // Somebody else was faster, and nobody will come for this code.
      await accountOf(deployment.env, userId).revokeGrant(parseToken(code)?.grantId ?? '');
      throw deviceProblem(answered.error);
    },
  };
}

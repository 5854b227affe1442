import { type Context, Hono } from 'hono';
import { deploymentOf } from '../../config';
import { type Flow, openFlow, readDevice, readUserCode } from '../../flow';
import { ok, type Result } from '../../result';
import { currentSignIn, requireFlow, showSignIn } from '../../sign-in';
import { type PageRefusal, readPageForm, refusePage, requireSameOrigin } from '../../ui';
import type { AuthorizationFlow } from '../authorize/request';
import { answerPage, showStep, takeStep } from '../consent/steps';
import { type CodeFlow, showCode, takeCode } from './code';

/**
 * `/device`, the verification URI (RFC 8628 section 3.3): sign-in, the device's code, then the same steps as at
 * `/authorize`, and an end in this browser.
 */
export const deviceRoutes = new Hono<{ Bindings: Env }>()
  .get('/device', async (c) => {
    const id = c.req.query('flow');
    if (id === undefined) return begin(c);
    const flow = await findDeviceFlow(c, id);
    return answerPage(c, flow.ok ? await show(c, flow.value) : flow);
  })
  .post('/device', async (c) => {
    requireSameOrigin(c);
    const flow = await findDeviceFlow(c, c.req.query('flow'));
    return answerPage(c, flow.ok ? await take(c, flow.value, await readPageForm(c)) : flow);
  });

/** A flow of `/device`: first of the browser that looks for a device, then of the device's request. */
type DeviceFlow = Flow<CodeFlow> | Flow<AuthorizationFlow>;

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

async function findDeviceFlow(c: Context, id: string | undefined): Promise<Result<DeviceFlow, PageRefusal>> {
  const flow = await requireFlow(c, id, c.req.method === 'POST');
  if (!['device-code', 'device'].includes(flow.data.kind)) return refusePage('flow_unknown');
  return ok(flow as DeviceFlow);
}

function isCodeFlow(flow: DeviceFlow): flow is Flow<CodeFlow> {
  return flow.data.kind === 'device-code';
}

async function show(c: Context, flow: DeviceFlow): Promise<Result<Response, PageRefusal>> {
  if (!isCodeFlow(flow)) return showStep(c, flow);
  const signedIn = await currentSignIn(c);
  return ok(await (signedIn ? showCode(c, flow, signedIn) : showSignIn(c, flow)));
}

async function take(
  c: Context,
  flow: DeviceFlow,
  form: URLSearchParams,
): Promise<Result<Response, PageRefusal>> {
  if (!isCodeFlow(flow)) return takeStep(c, flow, form);
  const person = await currentSignIn(c);
  if (!person) return ok(await showSignIn(c, flow));
  if (!(await flow.checkCsrf(form.get('csrf'), person.userId))) return refusePage('form_forged');
  return takeCode(c, flow, person, form.get('user_code') ?? '');
}

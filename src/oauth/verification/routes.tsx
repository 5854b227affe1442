import { type Context, Hono } from 'hono';
import { deploymentOf } from '../../config';
import { type Flow, findFlow, readDevice, readUserCode, startFlow } from '../../flow';
import { ok } from '../../result';
import { currentSignIn, readFlowForm, showSignIn } from '../../sign-in';
import { answerPage, type PageResult, refusePage } from '../../ui';
import type { AuthorizationFlow } from '../authorize/request';
import { showStep, takeStep } from '../consent/steps';
import { type CodeFlow, showCode, takeCode } from './code';

/**
 * `/device`, the verification URI (RFC 8628 section 3.3): sign-in, the device's code, then the same steps as at
 * `/authorize`, and an end in this browser.
 */
export const devicePages = new Hono<{ Bindings: Env }>()
  .get('/', async (c) => answerPage(c, await show(c)))
  .post('/', async (c) => answerPage(c, await take(c)));

/** A flow of `/device`: first of the browser that looks for a device, then of the device's request. */
type DeviceFlow = Flow<CodeFlow> | Flow<AuthorizationFlow>;

/** `GET /device`: without a flow it opens one, for the link's code if there is one. */
async function show(c: Context): Promise<PageResult> {
  const id = c.req.query('flow');
  if (id === undefined) return begin(c);
  const flow = await findDeviceFlow(c, id);
  if (!flow.ok) return flow;
  if (!isCodeFlow(flow.value)) return showStep(c, flow.value);
  const signedIn = await currentSignIn(c);
  return ok(await (signedIn ? showCode(c, flow.value, signedIn) : showSignIn(c, flow.value)));
}

async function take(c: Context): Promise<PageResult> {
  const flow = await findDeviceFlow(c, c.req.query('flow'));
  if (!flow.ok) return flow;
  if (!isCodeFlow(flow.value)) return takeStep(c, flow.value);
  const signedIn = await currentSignIn(c);
  if (!signedIn) return ok(await showSignIn(c, flow.value));
  const form = await readFlowForm(c, flow.value, signedIn.userId);
  return form.ok ? takeCode(c, flow.value, signedIn, form.value.get('user_code') ?? '') : form;
}

/** Opens a flow in this browser. A link's code goes into the form, and no further. */
async function begin(c: Context): Promise<PageResult> {
  const user_code = readUserCode(c.req.query('user_code') ?? '');
  const device = c.req.query('id');
  const linked = device === undefined ? undefined : await readDevice(deploymentOf(c), device);
  const isOurs = linked?.ok || (linked && linked.error.reason !== 'device_code_unknown');
  const flow = await startFlow(
    c,
    (id): CodeFlow => ({
      kind: 'device-code',
      return_to: `/device?flow=${id}`,
      ...(user_code === undefined ? {} : { user_code }),
      ...(isOurs && device !== undefined ? { device } : {}),
    }),
  );
  return flow.ok ? ok(c.redirect(flow.value.data.return_to, 303)) : flow;
}

async function findDeviceFlow(c: Context, id: string | undefined): Promise<PageResult<DeviceFlow>> {
  const flow = await findFlow(c, id, { touch: c.req.method === 'POST' });
  if (!flow.ok) return flow;
  if (!['device-code', 'device'].includes(flow.value.data.kind)) return refusePage('flow_unknown');
  return ok(flow.value as DeviceFlow);
}

function isCodeFlow(flow: DeviceFlow): flow is Flow<CodeFlow> {
  return flow.data.kind === 'device-code';
}

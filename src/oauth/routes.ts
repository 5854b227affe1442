import { type Context, Hono } from 'hono';
import { record } from '../audit';
import { type Flow, openFlow } from '../flow';
import { requireWithinLimit } from '../limits';
import { ok, type Result } from '../result';
import { requireFlow } from '../sign-in';
import { type PageRefusal, readPageForm, refusePage, requireSameOrigin } from '../ui';
import { checkAuthorizationRequest } from './authorize/checks';
import { answerRefusedRequest } from './authorize/refused-request';
import type { AuthorizationFlow } from './authorize/request';
import { register } from './clients/registration';
import { answerPage, showStep, takeStep } from './consent/steps';
import { deviceAuthorization } from './device/authorization';
import { introspect, revoke, token } from './token/endpoint';

/**
 * `/authorize` (RFC 6749 section 3.1): sign-in, consent, the accounts that the person has yet to connect, then back to
 * the client.
 */
export const authorizeRoutes = new Hono<{ Bindings: Env }>()
  .get('/authorize', async (c) => {
    const id = c.req.query('flow');
    if (id === undefined) return begin(c);
    const flow = await findAuthorization(c, id);
    return answerPage(c, flow.ok ? await showStep(c, flow.value) : flow);
  })
  .post('/authorize', async (c) => {
    requireSameOrigin(c);
    const flow = await findAuthorization(c, c.req.query('flow'));
    return answerPage(c, flow.ok ? await takeStep(c, flow.value, await readPageForm(c)) : flow);
  });

/** The endpoints that clients call by themselves. */
export const oauthRoutes = new Hono<{ Bindings: Env }>()
  .post('/oauth/token', token)
  .post('/oauth/register', register)
  .post('/oauth/revoke', revoke)
  .post('/oauth/introspect', introspect)
  .post('/oauth/device_authorization', deviceAuthorization)
  .all('/oauth/:endpoint{(?:token|register|revoke|introspect|device_authorization)}', (c) =>
    c.json({ error: 'invalid_request', error_description: 'Use POST' }, 405, { Allow: 'POST, OPTIONS' }),
  );

/** Checks the request and opens a flow for it; the browser goes on at the flow's own address. */
async function begin(c: Context): Promise<Response> {
  await requireWithinLimit(c, 'authorizations');
  const checked = await checkAuthorizationRequest(c);
  if (!checked.ok) return answerRefusedRequest(c, checked.error);
  const { client } = checked.value;
  const id = await openFlow(c, (flowId) => ({
    kind: 'authorize',
    return_to: `/authorize?flow=${flowId}`,
    client_name: client.name,
    ...checked.value,
  }));
  record(c, { event: 'authorization_request', outcome: 'ok', client: client.client_id });
  return c.redirect(`/authorize?flow=${id}`, 303);
}

/** The flow that the request names, if it is an authorization request of a client. */
async function findAuthorization(
  c: Context,
  id: string | undefined,
): Promise<Result<Flow<AuthorizationFlow>, PageRefusal>> {
  const flow = await requireFlow(c, id, c.req.method === 'POST');
  return flow.data.kind === 'authorize' ? ok(flow as Flow<AuthorizationFlow>) : refusePage('flow_unknown');
}

import { type Context, Hono } from 'hono';
import { record } from '../audit';
import type { TryCredential } from '../connections';
import { type Flow, openFlow } from '../flow';
import { requireWithinLimit } from '../limits';
import { requireFlow, showSignIn } from '../sign-in';
import { PageProblem, readPageForm, requireSameOrigin } from '../ui';
import { checkAuthorizationRequest } from './authorize/checks';
import { requireSignedInPerson } from './authorize/person';
import { answerRefusedRequest } from './authorize/refused-request';
import type { AuthorizationFlow } from './authorize/request';
import { register } from './clients/registration';
import { decideServices, isAtServices, showServices } from './consent/connect-accounts';
import { backToClient, decide, type SurveyTools, showConsent } from './consent/consent';
import { deviceAuthorization } from './device/authorization';
import { introspect, revoke, token } from './token/endpoint';

/**
 * `/authorize`: sign-in, then consent, then the services that the person has yet to connect, then back to the client.
 * `survey` finds what servers offer, `tryCredential` asks one about a key.
 */
export const authorizeRoutes = (survey: SurveyTools, tryCredential: TryCredential) =>
  new Hono<{ Bindings: Env }>()
    .get('/authorize', async (c) => {
      const id = c.req.query('flow');
      if (id === undefined) return begin(c);
      const flow = await findAuthorization(c, id);
      const person = await requireSignedInPerson(c, flow);
      if (!person) return showSignIn(c, flow);
      return isAtServices(c) ? showServices(c, flow, person) : showConsent(c, flow, person, survey);
    })
    .post('/authorize', async (c) => {
      requireSameOrigin(c);
      const flow = await findAuthorization(c, c.req.query('flow'));
      const form = await readPageForm(c);
      const person = await requireSignedInPerson(c, flow);
      if (!person) return showSignIn(c, flow);
      if (!(await flow.checkCsrf(form.get('csrf'), person.userId))) throw new PageProblem('form_forged');
      const ending = backToClient(c, flow.data);
      if (isAtServices(c)) return decideServices(c, flow, person, form, tryCredential, ending);
      return decide(c, flow, person, survey, form, ending);
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

async function findAuthorization(c: Context, id: string | undefined): Promise<Flow<AuthorizationFlow>> {
  const touch = c.req.method === 'POST';
  const flow = await requireFlow(c, id, touch);
  if (flow.data.kind !== 'authorize') throw new PageProblem('flow_unknown');
  return flow as Flow<AuthorizationFlow>;
}

import { type Context, Hono } from 'hono';
import { record } from '../audit';
import { type Flow, findFlow, startFlow } from '../flow';
import { checkLimit, limitClients } from '../limits';
import { ok } from '../result';
import { answerPage, type PageResult, refusePage } from '../ui';
import { checkAuthorizationRequest } from './authorize/checks';
import { answerRefusedRequest } from './authorize/refused-request';
import type { AuthorizationFlow } from './authorize/request';
import { register } from './clients/registration';
import { showStep, takeStep } from './consent/steps';
import { deviceAuthorization } from './device/authorization';
import { introspect, revoke, token } from './token/endpoint';

/**
 * `/authorize` (RFC 6749 section 3.1): sign-in, consent, the accounts that the person has yet to connect, then back to
 * the client.
 */
export const authorizePages = new Hono<{ Bindings: Env }>()
  .get('/', async (c) => answerPage(c, await show(c)))
  .post('/', async (c) => answerPage(c, await take(c)));

/**
 * `/oauth`: the endpoints that clients call by themselves; POST only. How often one source may ask is limited before
 * anything else of the request is looked at.
 */
export const oauthEndpoints = new Hono<{ Bindings: Env }>()
  .post('/token', limitClients('tokens'), token)
  .post('/register', limitClients('registrations'), register)
  .post('/revoke', limitClients('tokens'), revoke)
  .post('/introspect', limitClients('tokens'), introspect)
  .post('/device_authorization', limitClients('devices'), deviceAuthorization)
  .all('/:endpoint{(?:token|register|revoke|introspect|device_authorization)}', (c) =>
    c.json({ error: 'invalid_request', error_description: 'Use POST' }, 405, { Allow: 'POST, OPTIONS' }),
  );

/** `GET /authorize`: a client's request, or the page of a flow that one began. */
async function show(c: Context): Promise<PageResult> {
  const id = c.req.query('flow');
  if (id === undefined) return begin(c);
  const flow = await findAuthorization(c, id);
  return flow.ok ? showStep(c, flow.value) : flow;
}

async function take(c: Context): Promise<PageResult> {
  const flow = await findAuthorization(c, c.req.query('flow'));
  return flow.ok ? takeStep(c, flow.value) : flow;
}

/** Checks the request and opens a flow for it; the browser goes on at the flow's own address. */
async function begin(c: Context): Promise<PageResult> {
  const within = await checkLimit(c, 'authorizations');
  if (!within.ok) return within;
  const checked = await checkAuthorizationRequest(c);
  if (!checked.ok) return answerRefusedRequest(c, checked.error);
  const { client } = checked.value;
  const flow = await startFlow(
    c,
    (id): AuthorizationFlow => ({
      kind: 'authorize',
      return_to: `/authorize?flow=${id}`,
      client_name: client.name,
      ...checked.value,
    }),
  );
  if (!flow.ok) return flow;
  record(c, { event: 'authorization_request', outcome: 'ok', client: client.client_id });
  return ok(c.redirect(flow.value.data.return_to, 303));
}

/** The flow that the request names, if it is an authorization request of a client. */
async function findAuthorization(
  c: Context,
  id: string | undefined,
): Promise<PageResult<Flow<AuthorizationFlow>>> {
  const flow = await findFlow<AuthorizationFlow>(c, id, { touch: c.req.method === 'POST' });
  if (!flow.ok) return flow;
  return flow.value.data.kind === 'authorize' ? flow : refusePage('flow_unknown');
}

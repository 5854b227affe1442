import type { Context } from 'hono';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { type FormRefusal, NO_STORE, readForm, repeatedNames } from '../../http';
import { mayPassFrom, sourceOf, tooManyRequests } from '../../limits';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { type EndpointRefusal, toOAuthError } from '../protocol/oauth-error';
import type { AuthenticatedRequest } from '../protocol/token-request';
import { type AuthenticatedClient, authenticateClient, type ClientAuthRefusal } from './authentication';

/** Whether a request may go without a client. */
type MayBeNobody = (request: Request, form: URLSearchParams) => boolean;

/** Why a client's request is refused before its parameters are read. */
export type ClientRequestRefusal = Refusal<FormRefusal | 'parameter_repeated'> | UnprovenClient;

/** The client wasn't authenticated. `grant_type`: the request's parameter, if it has one. */
type UnprovenClient = ClientAuthRefusal & { grant_type: string | null };

/**
 * The checks with which all endpoints for clients begin: the form, each parameter once (RFC 6749 section 3.2), and the
 * client's authentication (section 2.3).
 *
 * @param mayBeNobody which requests need no client
 */
export async function readClientRequest(
  c: Context,
): Promise<Result<AuthenticatedClient, ClientRequestRefusal>>;
export async function readClientRequest(
  c: Context,
  mayBeNobody: MayBeNobody,
): Promise<Result<AuthenticatedRequest, ClientRequestRefusal>>;
export async function readClientRequest(
  c: Context,
  mayBeNobody?: MayBeNobody,
): Promise<Result<AuthenticatedRequest, ClientRequestRefusal>> {
  const form = await readForm(c.req.raw);
  if (!form.ok) return form;
  if (repeatedNames(form.value).length > 0) return refuse('parameter_repeated');
  if (mayBeNobody?.(c.req.raw, form.value)) {
    const given = Object.fromEntries([...form.value].filter(([, value]) => value !== ''));
    return ok({ client: undefined, method: 'none', form: given });
  }
  const authenticated = await authenticateClient(deploymentOf(c), c.req.raw, form.value, await sourceOf(c));
  if (authenticated.ok) return authenticated;
  return { ok: false, error: { ...authenticated.error, grant_type: form.value.get('grant_type') } };
}

/**
 * Logs a refusal and answers with its OAuth error. Failed client authentication counts against where the request came
 * from, and is 429 when there was too much of it.
 */
export async function sendRefusal(
  c: Context,
  refusal: EndpointRefusal | ClientRequestRefusal,
): Promise<Response> {
  const { status, ...body } = toOAuthError(refusal);
  const { reason, detail } = refusal;
  if (!('challenge' in refusal)) {
    record(c, { event: 'token_endpoint', outcome: 'refused', reason });
    return c.json(body, status, NO_STORE);
  }
  record(c, { event: 'client_authentication', outcome: 'refused', reason, detail });
  if (!(await mayPassFrom(c, 'failures'))) return tooManyRequests(c, refusal.grant_type);
  const challenge = refusal.challenge ? { 'WWW-Authenticate': 'Basic realm="gatehouse"' } : {};
  return c.json(body, status, { ...NO_STORE, ...challenge });
}

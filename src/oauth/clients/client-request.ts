import type { Context } from 'hono';
import type { TokenAnswer } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { NO_STORE, readForm, repeatedNames } from '../../http';
import { mayPassFrom, sourceOf, tooManyRequests } from '../../limits';
import { type AuthenticatedRequest, oauthError } from '../protocol/token-request';
import { type AuthenticatedClient, authenticateClient } from './authentication';

/** Whether a request may go without a client. */
type MayBeNobody = (request: Request, form: URLSearchParams) => boolean;

/** The checks that all endpoints for clients begin with: form, parameters once each, client. */
export async function readClientRequest(c: Context): Promise<AuthenticatedClient | Response>;
export async function readClientRequest(
  c: Context,
  mayBeNobody: MayBeNobody,
): Promise<AuthenticatedRequest | Response>;
export async function readClientRequest(
  c: Context,
  mayBeNobody?: MayBeNobody,
): Promise<AuthenticatedRequest | Response> {
  const form = await readForm(c.req.raw);
  if (!form.ok) {
    const what = 'The body must be application/x-www-form-urlencoded, at most 64 kB';
    return sendError(c, oauthError('invalid_request', what, form.error.reason));
  }
  const [repeated] = repeatedNames(form.value);
  if (repeated !== undefined) {
    const what = 'A parameter is there more than once';
    return sendError(c, oauthError('invalid_request', what, 'parameter_repeated'));
  }
  if (mayBeNobody?.(c.req.raw, form.value)) {
    const given = Object.fromEntries([...form.value].filter(([, value]) => value !== ''));
    return { client: undefined, method: 'none', form: given };
  }
  const authenticated = await authenticateClient(deploymentOf(c), c.req.raw, form.value, await sourceOf(c));
  if (authenticated.ok) return authenticated.value;
  const { error, error_description, reason, detail, challenge } = authenticated.error;
  record(c, { event: 'client_authentication', outcome: 'refused', reason, detail });
  if (!(await mayPassFrom(c, 'failures'))) return tooManyRequests(c, form.value.get('grant_type'));
  const headers = { ...NO_STORE, ...(challenge ? { 'WWW-Authenticate': 'Basic realm="gatehouse"' } : {}) };
  return c.json({ error, error_description }, error === 'invalid_client' ? 401 : 400, headers);
}

/** An OAuth error as an answer, noted in the log. */
export function sendError(c: Context, { status, body, reason }: TokenAnswer): Response {
  record(c, { event: 'token_endpoint', outcome: 'refused', reason });
  return c.json(body, status as 400, NO_STORE);
}

import type { Context, MiddlewareHandler } from 'hono';
import { record } from '../audit';
import { seconds } from '../clock';
import { deploymentOf } from '../config';
import { decodeUtf8, readBody } from '../http';
import { mayPassFrom, tooManyRequests } from '../limits';
import { apiError, checkMayHaveKeys, isForeignChange } from '../self-service';
import { currentSignIn } from '../sign-in';
import { verifyOperator } from './operator';

/** The longest body, in bytes. */
const MAX_BYTES = 65_536;

/** What {@link admit} puts into the context: `by`, `operator` or the admin's user id; `body`, as text. */
export type AdminEnv = { Bindings: Env; Variables: { by: string; body: string } };

export type AdminContext = Context<AdminEnv>;

/**
 * Middleware of `/api/admin`: lets in the operator by their signature (401 when it doesn't fit), or an admin by the
 * sign-in of this browser (401 without one, 403 for anybody else), whose changes come from a page of ours (403).
 */
export const admit: MiddlewareHandler<AdminEnv> = async (c, next) => {
  const deployment = deploymentOf(c);
  const bytes = await readBody(c.req.raw, MAX_BYTES);
  if (!bytes.ok) return apiError(c, 400, 'invalid_request', 'The body is at most 64 kB');
  const body = decodeUtf8(bytes.value) ?? '';
  c.set('body', body);
  c.header('Cache-Control', 'no-store');
  const { pathname, search } = new URL(c.req.url);
  const authorization = c.req.header('authorization');
  if (authorization !== undefined) {
    const request = { authorization, method: c.req.method, path: pathname + search, body };
    const verified = await verifyOperator(deployment, request, seconds());
    if (!verified.ok) {
      record(c, { event: 'operator', outcome: 'refused', ...verified.error });
      if (!(await mayPassFrom(c, 'failures'))) return tooManyRequests(c);
      return apiError(
        c,
        401,
        'unauthorized',
        'The request is not signed with this deployment’s GATEHOUSE_KEYS',
      );
    }
    c.set('by', 'operator');
    return next();
  }
  if (isForeignChange(c, deployment.origin)) {
    return apiError(c, 403, 'access_denied', 'The request must come from a page of this origin');
  }
  const person = await currentSignIn(c);
  if (!person) return apiError(c, 401, 'unauthorized', `Sign in at ${deployment.origin}/sign-in first`);
  if (person.role !== 'admin' || !checkMayHaveKeys(person).ok) {
    record(c, { event: 'admin', outcome: 'refused', reason: 'not_admin', user: person.userId });
    return apiError(c, 403, 'access_denied', 'Only admins who signed in themselves may do this');
  }
  c.set('by', person.userId);
  return next();
};

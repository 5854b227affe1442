import type { Context, MiddlewareHandler } from 'hono';
import { type AuditEvent, actor, record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf } from '../../config';
import { decodeUtf8, readBody } from '../../http';
import { mayPassFrom, tooManyRequests } from '../../limits';
import { apiError, isForeignChange, isRead } from '../../self-service';
import { currentSignIn, type SignedIn } from '../../sign-in';
import { verifyOperator } from './operator';
import { type Standing, standingOf } from './standing';

/** The longest body, in bytes. */
const MAX_BYTES = 65_536;

/** Who changes something, as events name them: an admin, or `operator`. */
type Actor = Pick<AuditEvent, 'user' | 'user_name' | 'user_email'>;

/**
 * What the routers of this folder put into the context: who asks. The API has the `body` as text, the pages have the
 * `person` who is signed in and what they may do.
 */
export type AdminEnv = {
  Bindings: Env;
  Variables: { by: Actor; body: string; person: SignedIn; standing: Standing };
};

export type AdminContext = Context<AdminEnv>;

/**
 * Middleware of `/api/admin`: lets in the operator by their signature (401 when it doesn't fit), an admin by the
 * sign-in of this browser, and an auditor who reads (401 without one, 403 for anybody else). Changes come from a page
 * of ours (403).
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
    c.set('by', { user: 'operator' });
    return next();
  }
  if (isForeignChange(c, deployment.origin)) {
    return apiError(c, 403, 'access_denied', 'The request must come from a page of this origin');
  }
  const person = await currentSignIn(c);
  if (!person) return apiError(c, 401, 'unauthorized', `Sign in at ${deployment.origin}/sign-in first`);
  const standing = standingOf(person, deployment.settings);
  const by = actor(person.userId, person.identity);
  if (standing !== 'admin' && !(standing === 'auditor' && isRead(c))) {
    const reason = standing === 'auditor' ? 'auditor_reads_only' : 'not_admin';
    record(c, { event: 'admin', outcome: 'refused', reason, detail: `${c.req.method} ${pathname}`, ...by });
    const why =
      standing === 'auditor' ? 'Auditors change nothing' : 'Only admins who signed in themselves may do this';
    return apiError(c, 403, 'access_denied', why);
  }
  c.set('by', by);
  return next();
};

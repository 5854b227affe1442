import type { Context, MiddlewareHandler } from 'hono';
import type { Identity, KeyLimits } from '../../account';
import { accountOf } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';

/** Who a call of the API is for: found by `sign-in/`, which `app.ts` hands in. */
export interface ApiUser {
  userId: string;
  /** The browser sign-in that the call comes with. */
  signInId: string;
  identity: Identity;
  /** The access key with which they signed in: they see and end what came by it, and nothing else. */
  key: KeyLimits | undefined;
}

export type UserVariables = { user: ApiUser };

const PAGE = 50;

const MAX_PAGE = 100;

/** 401 for whoever isn't signed in at this browser, 403 for a change that no page of ours asks for. */
export function signedInOnly(
  whoCalls: (c: Context) => Promise<ApiUser | undefined>,
): MiddlewareHandler<{ Bindings: Env; Variables: UserVariables }> {
  return async (c, next) => {
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (!reads && c.req.header('origin') !== deploymentOf(c).origin) {
      return refuseRequest(c, 403, 'access_denied', 'The request must come from a page of this origin');
    }
    const user = await whoCalls(c);
    if (!user)
      return refuseRequest(c, 401, 'unauthorized', `Sign in at ${deploymentOf(c).origin}/sign-in first`);
    c.set('user', user);
    c.header('Cache-Control', 'no-store');
    return next();
  };
}

export type UserContext = Context<{ Bindings: Env; Variables: UserVariables }>;

export function ownAccount(c: UserContext) {
  return accountOf(c.env, c.var.user.userId);
}

/** `{"items": […], "cursor"}`: `limit` of them (at most 100), after the one whose id is `cursor`. */
export function listed(c: UserContext, all: { id: string }[]): Response {
  const asked = Number(c.req.query('limit') ?? PAGE);
  if (!Number.isInteger(asked) || asked < 1) {
    return refuseRequest(c, 400, 'invalid_request', `limit must be a number from 1 to ${MAX_PAGE}`);
  }
  const cursor = c.req.query('cursor');
  const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
  const items = all.slice(from, from + Math.min(asked, MAX_PAGE));
  const more = from + items.length < all.length;
  return c.json({ items, ...(more ? { cursor: items.at(-1)?.id } : {}) });
}

export function ended(c: UserContext, event: string, id: string, existed: boolean): Response {
  if (!existed) return refuseRequest(c, 404, 'not_found', 'There is none of that id');
  record(c, { event, outcome: 'ok', user: c.var.user.userId, detail: id });
  return c.body(null, 204);
}

export function refuseRequest(
  c: Context,
  status: 400 | 401 | 403 | 404,
  error: string,
  error_description: string,
): Response {
  return c.json({ error, error_description }, status);
}

/** RFC 3339. */
export function toTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

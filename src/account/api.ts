import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { record } from '../audit';
import { siteOf } from '../site';
import type { Grant } from './access';
import type { Identity } from './identity';
import type { KeyLimits } from './keys/access-keys';
import type { SignInRow } from './sign-ins';

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

/**
 * `/api/…`: JSON over what the account holds, for the person signed in at this browser. Anything that changes
 * something must come from a page of ours.
 */
export function accountApi(whoCalls: (c: Context) => Promise<ApiUser | undefined>) {
  return new Hono<{ Bindings: Env; Variables: UserVariables }>()
    .use('/api/*', signedInOnly(whoCalls))
    .get('/api/grants', async (c) => listed(c, (await ownGrants(c)).map(showGrant)))
    .delete('/api/grants/:id', async (c) => {
      const id = c.req.param('id');
      const may = isOwn(c, id, await ownGrants(c));
      return ended(c, 'grant_revoked', id, may && (await accountOf(c).revokeGrant(id)));
    })
    .get('/api/sign-ins', async (c) => {
      const rows = await ownSignIns(c);
      return listed(
        c,
        rows.map((row) => ({ ...showSignIn(row), current: row.id === c.var.user.signInId })),
      );
    })
    .delete('/api/sign-ins/:id', async (c) => {
      const id = c.req.param('id');
      const may = isOwn(c, id, await ownSignIns(c));
      return ended(c, 'sign_in_ended', id, may && (await accountOf(c).endSignIn(id)));
    });
}

/** 401 for whoever isn't signed in at this browser, 403 for a change that no page of ours asks for. */
export function signedInOnly(
  whoCalls: (c: Context) => Promise<ApiUser | undefined>,
): MiddlewareHandler<{ Bindings: Env; Variables: UserVariables }> {
  return async (c, next) => {
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (!reads && c.req.header('origin') !== siteOf(c).origin) {
      return refuse(c, 403, 'access_denied', 'The request must come from a page of this origin');
    }
    const user = await whoCalls(c);
    if (!user) return refuse(c, 401, 'unauthorized', `Sign in at ${siteOf(c).origin}/sign-in first`);
    c.set('user', user);
    c.header('Cache-Control', 'no-store');
    return next();
  };
}

type UserContext = Context<{ Bindings: Env; Variables: UserVariables }>;

async function ownGrants(c: UserContext): Promise<Grant[]> {
  const { key } = c.var.user;
  return (await accountOf(c).listGrants()).filter(({ key_id }) => !key || key.id === key_id);
}

async function ownSignIns(c: UserContext): Promise<SignInRow[]> {
  const { key } = c.var.user;
  return (await accountOf(c).listSignIns()).filter(({ key_id }) => !key || key.id === key_id);
}

/** Whether somebody signed in by a key may end that; the person themselves may end all that is theirs. */
function isOwn(c: UserContext, id: string, own: { id: string }[]): boolean {
  return c.var.user.key === undefined || own.some((one) => one.id === id);
}

function accountOf(c: UserContext) {
  return c.env.ACCOUNT.getByName(c.var.user.userId);
}

/** `{"items": […], "cursor"}`: `limit` of them (at most 100), after the one whose id is `cursor`. */
export function listed(c: UserContext, all: { id: string }[]): Response {
  const asked = Number(c.req.query('limit') ?? PAGE);
  if (!Number.isInteger(asked) || asked < 1) {
    return refuse(c, 400, 'invalid_request', `limit must be a number from 1 to ${MAX_PAGE}`);
  }
  const cursor = c.req.query('cursor');
  const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
  const items = all.slice(from, from + Math.min(asked, MAX_PAGE));
  const more = from + items.length < all.length;
  return c.json({ items, ...(more ? { cursor: items.at(-1)?.id } : {}) });
}

export function ended(c: UserContext, event: string, id: string, existed: boolean): Response {
  if (!existed) return refuse(c, 404, 'not_found', 'There is none of that id');
  record(c, { event, outcome: 'ok', user: c.var.user.userId, detail: id });
  return c.body(null, 204);
}

export function refuse(
  c: Context,
  status: 400 | 401 | 403 | 404,
  error: string,
  error_description: string,
): Response {
  return c.json({ error, error_description }, status);
}

function showGrant({ created_at, last_used_at, expires_at, ...grant }: Grant) {
  return {
    ...grant,
    created_at: toTime(created_at),
    ...(last_used_at === undefined ? {} : { last_used_at: toTime(last_used_at) }),
    expires_at: toTime(expires_at),
  };
}

function showSignIn({ id, user_agent, created_at, last_used_at, expires_at }: SignInRow) {
  return {
    id,
    user_agent,
    created_at: toTime(created_at),
    last_used_at: toTime(last_used_at),
    expires_at: toTime(expires_at),
  };
}

/** RFC 3339. */
export function toTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

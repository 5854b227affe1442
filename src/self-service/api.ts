import { type Context, Hono } from 'hono';
import type { Grant, SignInRow } from '../account';
import {
  type ApiUser,
  ended,
  listed,
  ownAccount,
  signedInOnly,
  toTime,
  type UserContext,
  type UserVariables,
} from './shared/api';

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
      return ended(c, 'grant_revoked', id, may && (await ownAccount(c).revokeGrant(id)));
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
      return ended(c, 'sign_in_ended', id, may && (await ownAccount(c).endSignIn(id)));
    });
}

async function ownGrants(c: UserContext): Promise<Grant[]> {
  const { key } = c.var.user;
  return (await ownAccount(c).listGrants()).filter(({ key_id }) => !key || key.id === key_id);
}

async function ownSignIns(c: UserContext): Promise<SignInRow[]> {
  const { key } = c.var.user;
  return (await ownAccount(c).listSignIns()).filter(({ key_id }) => !key || key.id === key_id);
}

/** Whether somebody signed in by a key may end that; the person themselves may end all that is theirs. */
function isOwn(c: UserContext, id: string, own: { id: string }[]): boolean {
  return c.var.user.key === undefined || own.some((one) => one.id === id);
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

import type { SignInRow } from '../../account';
import { ended, listOf, toTime } from './api';
import { ownAccount, type PersonContext } from './person';

/** `GET /api/sign-ins`: the browsers where the person is signed in; of somebody signed in by a key, those by it. */
export async function listSignIns(c: PersonContext): Promise<Response> {
  const { signInId } = c.var.person;
  const rows = await ownSignIns(c);
  return listOf(
    c,
    rows.map((row) => ({ ...showSignIn(row), current: row.id === signInId })),
  );
}

/** `DELETE /api/sign-ins/{id}`: that browser is signed out. */
export async function deleteSignIn(c: PersonContext): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const may = c.var.person.key === undefined || (await ownSignIns(c)).some((row) => row.id === id);
  return ended(c, 'sign_in_ended', id, may && (await ownAccount(c).endSignIn(id)));
}

/** The browsers of the person signed in; of somebody signed in by a key, those that it signed in. */
export async function ownSignIns(c: PersonContext): Promise<SignInRow[]> {
  const { key } = c.var.person;
  return (await ownAccount(c).listSignIns()).filter(({ key_id }) => !key || key.id === key_id);
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

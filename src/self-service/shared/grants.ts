import type { Grant } from '../../account';
import { ended, listOf, toTime } from './api';
import { ownAccount, type PersonContext } from './person';

/** `GET /api/grants`: the apps that the person allowed; of somebody signed in by a key, those allowed by it. */
export async function listGrants(c: PersonContext): Promise<Response> {
  return listOf(c, (await ownGrants(c)).map(showGrant));
}

/** `DELETE /api/grants/{id}`: the app is no longer allowed. */
export async function deleteGrant(c: PersonContext): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const may = c.var.person.key === undefined || (await ownGrants(c)).some((grant) => grant.id === id);
  return ended(c, 'grant_revoked', id, may && (await ownAccount(c).revokeGrant(id)));
}

/** The grants of the person signed in; of somebody signed in by a key, those made by it. */
export async function ownGrants(c: PersonContext): Promise<Grant[]> {
  const { key } = c.var.person;
  return (await ownAccount(c).listGrants()).filter(({ key_id }) => !key || key.id === key_id);
}

/** A grant as the API shows it. */
export function showGrant({ created_at, last_used_at, expires_at, ...grant }: Grant) {
  return {
    ...grant,
    created_at: toTime(created_at),
    ...(last_used_at === undefined ? {} : { last_used_at: toTime(last_used_at) }),
    expires_at: toTime(expires_at),
  };
}

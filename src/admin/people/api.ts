import type { AccountOverview } from '../../account';
import { apiError, limitError, readLimit, showGrant, showKey, toTime } from '../../self-service';
import type { AdminContext } from '../shared/admit';
import { changePerson, findPeople, findPerson, type PersonAction } from './people';

/** `GET /api/admin/users`: people, or those whom `?q=` finds by name, address or group. */
export async function listUsers(c: AdminContext): Promise<Response> {
  const limit = readLimit(c);
  if (limit === undefined) return limitError(c);
  const [query, cursor] = [c.req.query('q'), c.req.query('cursor')];
  const { people, ...rest } = await findPeople(c.env, { query, limit, cursor });
  return c.json({ items: people, ...rest });
}

/** `GET /api/admin/users/{id}`: who that is, and all that they have. */
export async function userAsJson(c: AdminContext): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const person = await findPerson(c, id);
  return person ? c.json({ id, ...describe(person) }) : notFound(c);
}

/** `POST /api/admin/users/{id}/{action}` and `DELETE /api/admin/users/{id}`: 204, or 404 when there is nobody. */
export async function changeUser(c: AdminContext, action: PersonAction): Promise<Response> {
  return (await changePerson(c, c.req.param('id') ?? '', action)) ? c.body(null, 204) : notFound(c);
}

function describe({ identity, disabled_at, grants, keys, signIns, connections }: AccountOverview) {
  const { provider, name, email, email_verified, groups } = identity;
  return {
    ...{ provider, name, email, email_verified, groups },
    ...(disabled_at === undefined ? {} : { disabled_at: toTime(disabled_at) }),
    grants: grants.map(showGrant),
    keys: keys.map(showKey),
    sign_ins: signIns.map(({ id, user_agent, created_at, last_used_at, expires_at }) => ({
      ...{ id, user_agent },
      created_at: toTime(created_at),
      last_used_at: toTime(last_used_at),
      expires_at: toTime(expires_at),
    })),
    connections: connections.map(({ server, auth, status, scope, connected_at }) => {
      return { server, auth, status, scope, created_at: toTime(connected_at) };
    }),
  };
}

function notFound(c: AdminContext): Response {
  return apiError(c, 404, 'not_found', 'There is nobody of that id');
}

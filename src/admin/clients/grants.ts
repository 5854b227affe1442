import { findAccount } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { apiError, limitError, readLimit, toTime } from '../../self-service';
import type { AdminContext } from '../shared/admit';

/** What the keys of the copies of grants in `OAUTH_KV` begin with. */
const PREFIX = 'grant:';
const LISTED = 1_000;
const MOST_LISTINGS = 20;

/** A grant by the key of its copy: whose, and of which client. */
export interface IndexedGrant {
  user: string;
  grant: string;
  client: string;
}

/** The fields of the library's record that are shown. Times are seconds since the epoch. */
interface GrantRecord {
  clientId: string;
  scope: string[];
  resource?: string;
  metadata?: { servers?: string[] };
  createdAt: number;
  expiresAt?: number;
}

/** All grants, by their copies in KV; `complete` is false when there are more than are looked at (20,000). */
export async function allGrants(env: Env): Promise<{ grants: IndexedGrant[]; complete: boolean }> {
  const grants: IndexedGrant[] = [];
  let cursor: string | undefined;
  for (let listing = 0; listing < MOST_LISTINGS; listing++) {
    const listed = await env.OAUTH_KV.list<{ clientId?: string }>({
      prefix: PREFIX,
      limit: LISTED,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { name, metadata } of listed.keys) {
      const [, user = '', grant = ''] = name.split(':');
      if (metadata?.clientId !== undefined) grants.push({ user, grant, client: metadata.clientId });
    }
    if (listed.list_complete) return { grants, complete: true };
    ({ cursor } = listed);
  }
  return { grants, complete: false };
}

/** `GET /api/admin/grants`: what people allowed apps; of one person with `?user=`. A new one may take a minute. */
export async function listAllGrants(c: AdminContext): Promise<Response> {
  const limit = readLimit(c);
  if (limit === undefined) return limitError(c);
  const [user, cursor] = [c.req.query('user'), c.req.query('cursor')];
  const listed = await c.env.OAUTH_KV.list({
    prefix: user ? `${PREFIX}${user}:` : PREFIX,
    limit,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const names = listed.keys.map(({ name }) => name);
  const copies =
    names.length > 0 ? await c.env.OAUTH_KV.get<GrantRecord>(names, 'json') : new Map<string, GrantRecord>();
  const items = names.flatMap((name) => {
    const copy = copies.get(name);
    return copy ? [describe(name.slice(PREFIX.length), copy)] : [];
  });
  return c.json({ items, ...(listed.list_complete ? {} : { cursor: listed.cursor }) });
}

/** `DELETE /api/admin/grants/{id}`, where `id` is `{user id}:{its own id}`: 204, or 404 when there is no such grant. */
export async function deleteAnyGrant(c: AdminContext): Promise<Response> {
  const ended = await endGrant(c, c.req.param('id') ?? '');
  return ended ? c.body(null, 204) : apiError(c, 404, 'not_found', 'There is none of that id');
}

/** Ends a grant of anybody's, at once. `id`: `{user id}:{its own id}`. False: there is none. */
export async function endGrant(c: AdminContext, id: string): Promise<boolean> {
  const [user = '', grant = ''] = id.split(':');
  const account = await findAccount(deploymentOf(c), user);
  if (!account || !(await account.revokeGrant(grant))) return false;
  record(c, { event: 'grant_revoked', outcome: 'ok', ...c.var.by, grant, detail: id });
  return true;
}

function describe(id: string, { clientId, scope, resource, metadata, createdAt, expiresAt }: GrantRecord) {
  return {
    id,
    user_id: id.split(':')[0],
    client_id: clientId,
    scope: scope.join(' '),
    servers: metadata?.servers ?? [],
    resource,
    created_at: toTime(createdAt),
    ...(expiresAt === undefined ? {} : { expires_at: toTime(expiresAt) }),
  };
}

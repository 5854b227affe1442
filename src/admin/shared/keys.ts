import { z } from 'zod';
import {
  accountOf,
  describeKeyRefusal,
  findAccount,
  type Identity,
  judgeKeyRequest,
  KEY_INDEX,
  keyRequest,
  SERVICE,
} from '../../account';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf, ROLES } from '../../config';
import { randomSecret, userIdOf } from '../../crypto';
import {
  apiError,
  describeIssue,
  limitError,
  parseJson,
  readLimit,
  refuseTooMany,
  showKey,
  toTime,
} from '../../self-service';
import type { AdminContext } from './admit';

/** A request for a service key: as for a personal one, and who the service account is. */
const serviceRequest = keyRequest.extend({
  role: z.enum(ROLES).default('member'),
  groups: z.array(z.string().min(1).max(100)).max(100).default([]),
  tools: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
});

/** A copy of a key for listing, as the account that holds it wrote it into KV. */
type Copy = {
  name: string;
  user_name: string;
  issuer: string;
  scope: string[];
  servers: string[];
  created_at: number;
  expires_at: number;
};

/**
 * `POST /api/admin/keys`: makes a service account and its key. It is a principal of its own, whose account holds its
 * connections. 201 with the key, which is shown only here.
 */
export async function createServiceKey(c: AdminContext): Promise<Response> {
  const { settings, keyring } = deploymentOf(c);
  const asked = serviceRequest.safeParse(parseJson(c.var.body));
  if (!asked.success) return apiError(c, 400, 'invalid_request', describeIssue(asked.error.issues[0]));
  const { role, groups, tools, ...rest } = asked.data;
  const subject = randomSecret();
  const about = { email: undefined, email_verified: false, groups, role, name: rest.name.trim() };
  const identity: Identity = { provider: SERVICE, issuer: SERVICE, subject, ...about };
  const spec = judgeKeyRequest(rest, identity, settings, seconds());
  if (!spec.ok) return apiError(c, 400, 'invalid_request', describeKeyRefusal(spec.error));
  const userId = await userIdOf(keyring, SERVICE, subject);
  const service = { userId, identity: { ...identity, name: spec.value.name } };
  const made = await accountOf(c.env, userId).createKey({ ...spec.value, tools }, { service });
  if (!made.ok) return refuseTooMany(c, made.error, userId);
  const { text: key, ...shown } = made.value;
  const detail = `${userId}:${shown.id} ${shown.name}`;
  record(c, { event: 'key_created', outcome: 'ok', ...c.var.by, grant: shown.id, detail });
  return c.json({ key, ...showKey(shown), id: `${userId}:${shown.id}`, user_id: userId, role }, 201);
}

/** `DELETE /api/admin/keys/{id}`, where `id` is `{user id}:{its own id}`: 204, or 404 when there is no such key. */
export async function deleteAnyKey(c: AdminContext): Promise<Response> {
  const ended = await endKey(c, c.req.param('id') ?? '');
  return ended ? c.body(null, 204) : apiError(c, 404, 'not_found', 'There is none of that id');
}

/** Revokes anybody's key, at once. `id`: `{user id}:{its own id}`. False: there is none. */
export async function endKey(c: AdminContext, id: string): Promise<boolean> {
  const [userId = '', keyId = ''] = id.split(':');
  const account = await findAccount(deploymentOf(c), userId);
  if (!account || !(await account.revokeKey(keyId))) return false;
  record(c, { event: 'key_revoked', outcome: 'ok', ...c.var.by, detail: `${userId}:${keyId}` });
  return true;
}

/** `GET /api/admin/keys`: all keys, by the copies in KV, so that a new one may be missing for a minute. */
export async function listAllKeys(c: AdminContext): Promise<Response> {
  const limit = readLimit(c);
  if (limit === undefined) return limitError(c);
  const { keys: items, cursor } = await findKeys(c.env, { limit, cursor: c.req.query('cursor') });
  return c.json({ items, cursor });
}

export type ListedKey = ReturnType<typeof describeCopy>;

/** A part of all keys. `cursor`: where it goes on; undefined: nowhere. */
export async function findKeys(
  env: Env,
  { limit, cursor }: { limit: number; cursor: string | undefined },
): Promise<{ keys: ListedKey[]; cursor: string | undefined }> {
  const found = await env.OAUTH_KV.list({
    prefix: KEY_INDEX,
    limit,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const names = found.keys.map(({ name }) => name);
  const copies = names.length > 0 ? await env.OAUTH_KV.get<Copy>(names, 'json') : new Map<string, Copy>();
  const keys = names.flatMap((name) => {
    const copy = copies.get(name);
    return copy ? [describeCopy(name.slice(KEY_INDEX.length), copy)] : [];
  });
  return { keys, cursor: found.list_complete ? undefined : found.cursor };
}

function describeCopy(id: string, copy: Copy) {
  const { issuer, scope, created_at, expires_at, ...rest } = copy;
  return {
    id,
    user_id: id.split(':')[0],
    kind: issuer === SERVICE ? 'service' : 'personal',
    ...rest,
    scope: scope.join(' '),
    created_at: toTime(created_at),
    expires_at: toTime(expires_at),
  };
}

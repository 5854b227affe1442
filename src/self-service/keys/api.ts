import { type Context, Hono } from 'hono';
import {
  type AccessKey,
  AT_ONCE_SECONDS,
  accountOf,
  describeKeyRefusal,
  judgeKeyRequest,
  type KeyLimitRefusal,
  keyRequest,
  looksLikeKey,
  MOST_AT_ONCE,
  MOST_KEYS,
  SERVICE,
  VISITOR,
} from '../../account';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf } from '../../config';
import { decodeUtf8, readBody } from '../../http';
import type { Refusal } from '../../result';
import { quotable } from '../../secret-text';
import {
  type ApiUser,
  ended,
  listed,
  refuseRequest,
  signedInOnly,
  toTime,
  type UserVariables,
} from '../shared/api';

/** The most that a request for a key may weigh, in bytes. */
const MAX_BYTES = 65_536;

/** `/api/keys`: one's own access keys. They are made by people who signed in themselves, and by nobody else. */
export function keysApi(whoCalls: (c: Context) => Promise<ApiUser | undefined>) {
  return new Hono<{ Bindings: Env; Variables: UserVariables }>()
    .post('/api/keys', async (c, next) => (comesByKey(c) ? refuseMaking(c, 'by_key') : next()))
    .use('/api/keys/*', signedInOnly(whoCalls))
    .get('/api/keys', async (c) => {
      const { userId, key } = c.var.user;
      const keys = await accountOf(c.env, userId).listKeys();
      return listed(c, keys.filter(({ id }) => !key || key.id === id).map(showKey));
    })
    .post('/api/keys', async (c) => {
      const { user } = c.var;
      const barred = whyNoKeys(user);
      if (barred) return refuseMaking(c, barred, user.userId);
      const body = await readJson(c.req.raw);
      const asked = keyRequest.safeParse(body);
      if (!asked.success)
        return refuseRequest(c, 400, 'invalid_request', describeIssue(asked.error.issues[0]));
      const spec = judgeKeyRequest(asked.data, user.identity, deploymentOf(c).settings, seconds());
      if (!spec.ok) return refuseRequest(c, 400, 'invalid_request', describeKeyRefusal(spec.error));
      const made = await accountOf(c.env, user.userId).createKey(spec.value);
      if (!made.ok) return refuseTooMany(c, made.error, user.userId);
      const { text: key, ...rest } = made.value;
      record(c, {
        event: 'key_created',
        outcome: 'ok',
        user: user.userId,
        grant: rest.id,
        detail: rest.name,
      });
      return c.json({ key, ...showKey(rest) }, 201);
    })
    .delete('/api/keys/:id', async (c) => {
      const [id, { userId, key }] = [c.req.param('id'), c.var.user];
      // A browser signed in by a key ends that key and no other.
      const may = key === undefined || key.id === id;
      return ended(c, 'key_revoked', id, may && (await accountOf(c.env, userId).revokeKey(id)));
    });
}

/** Why this person can't make keys, whatever their role; undefined: they can. */
export function whyNoKeys({ key, identity }: Pick<ApiUser, 'key' | 'identity'>): string | undefined {
  if (key) return 'by_key';
  return [VISITOR, SERVICE].includes(identity.provider) ? 'no_person' : undefined;
}

/** A body of JSON; undefined when it is none, or longer than 64 kB. */
export async function readJson(request: Request): Promise<unknown> {
  const body = await readBody(request, MAX_BYTES);
  return body.ok ? parseKeyRequest(decodeUtf8(body.value)) : undefined;
}

export function parseKeyRequest(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

/** What is wrong with a body, by the name of its member and never by its value. */
export function describeIssue(
  issue: { path: PropertyKey[]; message: string; code?: string | undefined } | undefined,
): string {
  const where = issue?.path.map(String).join('.');
  if (where) return quotable(`${where}: ${issue?.message}`, 200);
  if (issue?.code === 'unrecognized_keys') return quotable(issue.message);
  return 'The body must be a JSON object with name and, by choice, more';
}

/** 429 when it was too fast, 409 when there are too many. */
export function refuseTooMany(c: Context, error: Refusal<KeyLimitRefusal>, user: string): Response {
  record(c, { event: 'key_created', outcome: 'refused', user, reason: error.reason });
  if (error.reason === 'keys_too_many') {
    return c.json(
      { error: 'limit_reached', error_description: `There are ${MOST_KEYS} keys, the most` },
      409,
    );
  }
  const error_description = `At most ${MOST_AT_ONCE} keys are made in ${AT_ONCE_SECONDS} s`;
  return c.json({ error: 'slow_down', error_description }, 429, { 'Retry-After': error.detail ?? '30' });
}

export function showKey({ created_at, last_used_at, expires_at, scope, tools, ...key }: AccessKey) {
  return {
    ...key,
    scope: scope.join(' '),
    ...(tools === undefined ? {} : { tools }),
    created_at: toTime(created_at),
    ...(last_used_at === undefined ? {} : { last_used_at: toTime(last_used_at) }),
    expires_at: toTime(expires_at),
  };
}

/** A key as credential is told apart from a missing sign-in: it makes no keys, good or bad. */
function comesByKey(c: Context): boolean {
  const bearer = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
  return looksLikeKey(bearer) || c.req.header('x-api-key') !== undefined;
}

function refuseMaking(c: Context, reason: string, user?: string): Response {
  record(c, { event: 'key_created', outcome: 'refused', reason, user });
  const why =
    reason === 'by_key'
      ? 'An access key makes no keys: sign in as yourself'
      : 'Only people who signed in make keys';
  return refuseRequest(c, 403, 'access_denied', why);
}

import type { Context, MiddlewareHandler } from 'hono';
import {
  type AccessKey,
  AT_ONCE_SECONDS,
  describeKeyRefusal,
  judgeKeyRequest,
  type KeyLimitRefusal,
  keyRequest,
  looksLikeKey,
  MOST_AT_ONCE,
  MOST_KEYS,
} from '../../account';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf } from '../../config';
import { decodeUtf8, readBody } from '../../http';
import type { Refusal } from '../../result';
import { quotable } from '../../secret-text';
import { apiError, ended, listOf, toTime } from '../shared/api';
import { actorOf, ownAccount, type PersonContext } from '../shared/person';
import { checkMayHaveKeys, type NoKeysRefusal } from './own';

/** The longest request for a key, in bytes. */
const MAX_BYTES = 65_536;

/** `GET /api/keys`: one's own keys; somebody signed in by a key sees that one. */
export async function listKeys(c: PersonContext): Promise<Response> {
  const { key } = c.var.person;
  const keys = await ownAccount(c).listKeys();
  return listOf(c, keys.filter(({ id }) => !key || key.id === id).map(showKey));
}

/** `POST /api/keys`: 201 with the key, which is shown only here. */
export async function createKey(c: PersonContext): Promise<Response> {
  const { identity, userId: user } = c.var.person;
  const may = checkMayHaveKeys(c.var.person);
  if (!may.ok) return refuseKeyRequest(c, may.error.reason, user);
  const asked = keyRequest.safeParse(await readJson(c.req.raw));
  if (!asked.success) return apiError(c, 400, 'invalid_request', describeIssue(asked.error.issues[0]));
  const spec = judgeKeyRequest(asked.data, identity, deploymentOf(c).settings, seconds());
  if (!spec.ok) return apiError(c, 400, 'invalid_request', describeKeyRefusal(spec.error));
  const made = await ownAccount(c).createKey(spec.value);
  if (!made.ok) return refuseTooMany(c, made.error, user);
  const { text: key, ...rest } = made.value;
  record(c, { event: 'key_created', outcome: 'ok', ...actorOf(c), grant: rest.id, detail: rest.name });
  return c.json({ key, ...showKey(rest) }, 201);
}

/** `DELETE /api/keys/{id}`: somebody signed in by a key ends that one and no other. */
export async function deleteKey(c: PersonContext): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const { key } = c.var.person;
  const may = key === undefined || key.id === id;
  return ended(c, 'key_revoked', id, may && (await ownAccount(c).revokeKey(id)));
}

/** Middleware of `POST /api/keys`: 403 for a request with an access key, valid or not, instead of a sign-in. */
export const refuseKeyAsCredential: MiddlewareHandler = async (c, next) => {
  const bearer = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
  const byKey = looksLikeKey(bearer) || c.req.header('x-api-key') !== undefined;
  return byKey ? refuseKeyRequest(c, 'by_key') : next();
};

function refuseKeyRequest(c: Context, reason: NoKeysRefusal, user?: string): Response {
  record(c, { event: 'key_created', outcome: 'refused', reason, user });
  const why =
    reason === 'by_key'
      ? 'An access key makes no keys: sign in as yourself'
      : 'Only people who signed in make keys';
  return apiError(c, 403, 'access_denied', why);
}

/** The value of a JSON body; undefined when it isn't JSON, or is longer than 64 kB. */
async function readJson(request: Request): Promise<unknown> {
  const body = await readBody(request, MAX_BYTES);
  return body.ok ? parseJson(decodeUtf8(body.value)) : undefined;
}

/** The value of a JSON text; undefined when it isn't JSON. */
export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

/** What is wrong with a request's body: names the member, and never quotes its value. */
export function describeIssue(
  issue: { path: PropertyKey[]; message: string; code?: string | undefined } | undefined,
): string {
  const where = issue?.path.map(String).join('.');
  if (where) return quotable(`${where}: ${issue?.message}`, 200);
  if (issue?.code === 'unrecognized_keys') return quotable(issue.message);
  return 'The body must be a JSON object with name, and optionally more';
}

/** 429 with `Retry-After` when keys were made too fast, 409 when there are too many. `user`: whose they are. */
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

/** A key as the API shows it: never the key itself. */
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

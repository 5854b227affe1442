import type { Context, MiddlewareHandler } from 'hono';
import { containsKey, containsOwnCredential, looksLikeKey, parseKey, parseToken } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { quotable } from '../../secret-text';
import { passedOn } from './passed-headers';

/** Why a request's credential is refused before, or by, the account that it names. */
export type PresentedCredentialRefusal =
  | 'credential_missing'
  | 'credential_malformed'
  | 'credentials_conflict'
  | 'key_in_url'
  | 'credential_for_server'
  | 'key_malformed'
  | 'key_checksum'
  | 'token_not_ours'
  | 'rate_requests'
  | 'token_unknown'
  | 'grant_unknown'
  | 'key_unknown'
  | 'key_revoked'
  | 'key_expired'
  | 'token_for_other_resource'
  | 'sso_required'
  | 'role_missing';

/** An access token or an access key, and what it says of itself: whose, and which grant or key. */
export interface PresentedCredential {
  text: string;
  userId: string;
  id: string;
}

export type CredentialRefusal = Refusal<PresentedCredentialRefusal>;

type Found = Result<PresentedCredential, CredentialRefusal>;

/**
 * The one credential of a request: `Authorization: Bearer` an access token or an access key, or `x-api-key` an
 * access key (RFC 6750 section 2: no more than one way at a time). Nothing is looked up.
 */
export function readCredential(headers: Headers): Found {
  const conflict = conflictIn(headers);
  if (conflict !== undefined) return refuse('credentials_conflict', conflict);
  const apiKey = headers.get('x-api-key');
  if (apiKey !== null) return looksLikeKey(apiKey.trim()) ? readKey(apiKey.trim()) : refuse('key_malformed');
  const header = headers.get('authorization');
  if (header === null) return refuse('credential_missing');
  const text = /^bearer +([^\s]+)$/i.exec(header)?.[1];
  if (text === undefined) return refuse('credential_malformed');
  if (looksLikeKey(text)) return readKey(text);
  const parts = parseToken(text);
  return parts ? ok({ text, userId: parts.userId, id: parts.grantId }) : refuse('token_not_ours');
}

/**
 * 400 for what no server could answer rightly: two credentials, of which each may mean somebody else, a key in the
 * address, where logs and histories keep it, or a credential of ours in a header that goes on to a server. Of
 * credentials a `passthrough` server's caller may send as many as they like, but none of ours.
 */
export const oneCredential: MiddlewareHandler = async (c, next) => {
  const passthrough = isPassthrough(c);
  const found =
    (await findInUrl(c, passthrough)) ??
    (passthrough ? undefined : findConflict(c)) ??
    (await findPassedOn(c));
  if (found === undefined) return next();
  const { reason, detail, says } = found;
  record(c, { event: 'mcp_request', outcome: 'refused', reason, detail });
  const { requestId: request_id } = deploymentOf(c);
  return c.json({ error: 'invalid_request', error_description: says, request_id }, 400, {
    'Cache-Control': 'no-store',
  });
};

/** What is wrong with where a request has its credentials: for the log, and in words for the client. */
interface Misplaced {
  reason: PresentedCredentialRefusal;
  detail: string;
  says: string;
}

function readKey(text: string): Found {
  const parsed = parseKey(text);
  return parsed.ok ? ok({ text, userId: parsed.value.userId, id: parsed.value.keyId }) : parsed;
}

function findConflict(c: Context): Misplaced | undefined {
  const conflict = conflictIn(c.req.raw.headers);
  if (conflict === undefined) return undefined;
  const says = `The request has two credentials: ${conflict}. Send one of them`;
  return { reason: 'credentials_conflict', detail: conflict, says };
}

/** Two credentials in one request, in words; undefined when there is at most one. */
function conflictIn(headers: Headers): string | undefined {
  const [authorization, apiKey] = [headers.get('authorization'), headers.get('x-api-key')];
  // Headers that are sent twice arrive as one, with a comma, which no key can have.
  if (apiKey?.includes(',')) return 'two access keys in x-api-key';
  const list = authorization?.split(',') ?? [];
  const hasKey = list.some((one) => looksLikeKey(withoutScheme(one)));
  if (list.length > 1 && hasKey) return 'an access key and another credential in Authorization';
  if (authorization === null || apiKey === null) return undefined;
  const [scheme = '', text = ''] = authorization.split(' ');
  const bearer = looksLikeKey(text) ? 'an access key' : 'an access token';
  // Only a known scheme is told again: whoever left theirs out would find their secret in the log.
  const known = ['basic', 'digest', 'dpop'].includes(scheme.toLowerCase()) ? scheme : 'something else';
  const first = scheme.toLowerCase() === 'bearer' ? bearer : known;
  return `${first} in Authorization, and an access key in x-api-key`;
}

/** The credential of an `Authorization` that is a bearer's, or wrote no scheme. */
function withoutScheme(authorization: string): string {
  return authorization.trim().replace(/^bearer +/i, '');
}

/**
 * An access key in the address. A token there is as if it weren't (RFC 6750 section 2.3), but for the caller of a
 * `passthrough` server, who may think that it is for that server: `any`.
 */
async function findInUrl(c: Context, any: boolean): Promise<Misplaced | undefined> {
  const isOurs = async (text: string) =>
    looksLikeKey(withoutScheme(text)) ||
    containsKey(text) ||
    (any && containsOwnCredential(deploymentOf(c).keyring, text));
  for (const [name, value] of new URL(c.req.url).searchParams) {
    const named = await isOurs(name);
    if (!named && !(await isOurs(value))) continue;
    // A name can be the key, where somebody wrote it without one.
    const detail = named ? 'a parameter' : quotable(name, 40);
    const says = `The address has an access key or a token of this gate in "${detail}", where logs and histories keep it. Revoke it, and send a new one as "Authorization: Bearer" or "x-api-key"`;
    return { reason: 'key_in_url', detail, says };
  }
  return undefined;
}

/** A credential of ours in a header that a server would get. `Authorization` is judged by who reads it. */
async function findPassedOn(c: Context): Promise<Misplaced | undefined> {
  if (c.req.param('server') === undefined) return undefined;
  for (const [name, value] of passedOn(c.req.raw.headers)) {
    if (!(await containsOwnCredential(deploymentOf(c).keyring, `${name} ${value}`))) continue;
    const detail = quotable(name, 40);
    const says = `The header "${detail}" has an access key or a token of this gate in it, which would reach the server behind. Send it as "Authorization: Bearer" only`;
    return { reason: 'credential_for_server', detail, says };
  }
  return undefined;
}

function isPassthrough(c: Context): boolean {
  const name = c.req.param('server');
  const server = deploymentOf(c).settings.servers.find((candidate) => candidate.name === name);
  return server?.auth === 'passthrough';
}

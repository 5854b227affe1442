import type { Context, MiddlewareHandler } from 'hono';
import { containsKey, containsOwnCredential, looksLikeKey } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { ok, type Result } from '../../result';
import { quotable } from '../../secret-text';
import { conflictIn, withoutScheme } from './credentials';
import { passedOn } from './passed-headers';
import { type MisplacedCredential, toJsonRpcError } from './refusal';

type Placement = Result<void, MisplacedCredential>;

/**
 * Refuses what no server could answer rightly: two credentials, of which each may mean somebody else, a key in the
 * address, where logs and histories keep it, or a credential of ours in a header that goes on to a server. Of
 * credentials a `passthrough` server's caller may send as many as they like, but none of ours.
 */
export const oneCredential: MiddlewareHandler = async (c, next) => {
  const placed = await checkPlacement(c);
  if (placed.ok) return next();
  const { why: reason, detail } = placed.error;
  record(c, { event: 'mcp_request', outcome: 'refused', reason, detail });
  return toJsonRpcError(placed.error);
};

async function checkPlacement(c: Context): Promise<Placement> {
  const passthrough = isPassthrough(c);
  const inUrl = await checkUrl(c, passthrough);
  if (!inUrl.ok) return inUrl;
  const conflict = passthrough ? undefined : conflictIn(c.req.raw.headers);
  if (conflict === undefined) return checkPassedHeaders(c);
  const says = `The request has two credentials: ${conflict}. Send one of them`;
  return misplaced(c, { why: 'credentials_conflict', detail: conflict, says });
}

function misplaced(c: Context, found: Pick<MisplacedCredential, 'why' | 'detail' | 'says'>): Placement {
  const { requestId } = deploymentOf(c);
  return { ok: false, error: { reason: 'credential_misplaced', ...found, requestId } };
}

/**
 * An access key in the address. A token there is ignored (RFC 6750 section 2.3), but for the caller of a `passthrough`
 * server, who may think that it is for that server: `any`.
 */
async function checkUrl(c: Context, any: boolean): Promise<Placement> {
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
    return misplaced(c, { why: 'key_in_url', detail, says });
  }
  return ok(undefined);
}

/** A credential of ours in a header that a server would get. `Authorization` is judged by who reads it. */
async function checkPassedHeaders(c: Context): Promise<Placement> {
  if (c.req.param('server') === undefined) return ok(undefined);
  for (const [name, value] of passedOn(c.req.raw.headers)) {
    if (!(await containsOwnCredential(deploymentOf(c).keyring, `${name} ${value}`))) continue;
    const detail = quotable(name, 40);
    const says = `The header "${detail}" has an access key or a token of this gate in it, which would reach the server behind. Send it as "Authorization: Bearer" only`;
    return misplaced(c, { why: 'credential_for_server', detail, says });
  }
  return ok(undefined);
}

function isPassthrough(c: Context): boolean {
  const name = c.req.param('server');
  const server = deploymentOf(c).settings.servers.find((candidate) => candidate.name === name);
  return server?.auth === 'passthrough';
}

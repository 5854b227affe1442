import type { Context } from 'hono';
import { mayPass, mayPassFrom, RETRY_AFTER } from '../../limits';
import type { Refusal } from '../../result';
import type { Principal } from '../../upstream';
import type { PresentedCredentialRefusal } from './credentials';
import type { Message } from './message';
import { rpcError } from './rpc-error';

/** A code of the gate's own, in the range that JSON-RPC 2.0 leaves to servers. */
const TOO_MANY_REQUESTS = -32029;

/** 429 as a JSON-RPC error. `id`: the request's, if it had one. */
export function tooManyRequests(what: string, id: string | number | undefined): Response {
  const message = `Too many requests: ${what}. Try again in a minute`;
  return rpcError({
    status: 429,
    code: TOO_MANY_REQUESTS,
    message,
    id: id ?? null,
    retry_after: RETRY_AFTER,
  });
}

/** 429 for a tool call that is one too many, of its user or of this client of theirs; undefined when it may go on. */
export async function limitCalls(
  c: Context,
  { user, client }: Principal,
  message: Message | undefined,
): Promise<Response | undefined> {
  if (message?.method !== 'tools/call') return undefined;
  const about = { user: user.id, client: client.id };
  const passes =
    (await mayPass(c, 'client_calls', `${user.id} ${client.id}`, about)) &&
    (await mayPass(c, 'calls', user.id, about));
  return passes ? undefined : tooManyRequests('you have called many tools', message.id);
}

/** 429 in place of a challenge, for a source of many wrong credentials; undefined when it may be told once more. */
export async function limitFailures(c: Context, { reason }: Refusal): Promise<Response | undefined> {
  if (reason === ('rate_requests' satisfies PresentedCredentialRefusal)) {
    return tooManyRequests('your network sent many for this user', undefined);
  }
  if (reason === ('credential_missing' satisfies PresentedCredentialRefusal)) return undefined;
  const passes = await mayPassFrom(c, 'failures');
  return passes ? undefined : tooManyRequests('your network sent many wrong keys or tokens', undefined);
}

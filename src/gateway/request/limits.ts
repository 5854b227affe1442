import type { Context } from 'hono';
import { mayPass, mayPassFrom } from '../../limits';
import type { Resource } from '../../resource';
import { ok, type Refusal, type Result } from '../../result';
import type { Principal } from '../../upstream';
import { unauthorized } from './challenge';
import type { PresentedCredentialRefusal } from './credentials';
import type { Message } from './message';
import type { RefusalFor } from './refusal';

/** Counts a tool call, of its user and of this client of theirs; refused when it is one too many. */
export async function limitCalls(
  c: Context,
  { user, client }: Principal,
  message: Message | undefined,
): Promise<Result<void, RefusalFor<'too_many_requests'>>> {
  if (message?.method !== 'tools/call') return ok(undefined);
  const about = { user: user.id, client: client.id };
  const passes =
    (await mayPass(c, 'client_calls', `${user.id} ${client.id}`, about)) &&
    (await mayPass(c, 'calls', user.id, about));
  if (passes) return ok(undefined);
  return { ok: false, error: { reason: 'too_many_requests', what: 'calls', id: message.id } };
}

/**
 * What becomes of a request without a good credential: a challenge, which is recorded; or, for a source of many wrong
 * ones, that there are too many.
 */
export async function refuseCredential(
  c: Context,
  resource: Resource,
  refusal: Refusal,
): Promise<RefusalFor<'unauthorized' | 'too_many_requests'>> {
  const { reason } = refusal;
  if (reason === ('rate_requests' satisfies PresentedCredentialRefusal)) {
    return { reason: 'too_many_requests', what: 'requests' };
  }
  const missing = reason === ('credential_missing' satisfies PresentedCredentialRefusal);
  if (!missing && !(await mayPassFrom(c, 'failures')))
    return { reason: 'too_many_requests', what: 'failures' };
  return unauthorized(c, resource, refusal);
}

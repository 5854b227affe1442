import { record } from '../../audit';
import type { RequestContext, ServerSetting } from '../../config';
import type { Resource } from '../../resource';
import { ok, type Result } from '../../result';
import { aboutPrincipal, type Principal } from '../../upstream';
import { insufficientScope } from './challenge';
import type { Message } from './message';
import { isKnownMethod, judgeMethod } from './methods';
import type { RefusalFor } from './refusal';

/**
 * Whether the principal may use a message's method (`methods.ts`). `server`: which the message would reach; undefined
 * at `/mcp`, where an unknown method reaches none. `resource`: what more scope is asked for.
 */
export function admitMethod(
  work: Pick<RequestContext, 'var'>,
  message: Message | undefined,
  principal: Principal,
  { resource, server }: { resource: Resource; server?: ServerSetting },
): Result<void, RefusalFor<'insufficient_scope' | 'unknown_method'>> {
  if (!message) return ok(undefined);
  const { method, era, id } = message;
  const isKnown = method === undefined || isKnownMethod(method);
  if (!isKnown && !server) return ok(undefined);
  const judged = judgeMethod(message, server?.require ?? [], principal);
  const about = { ...aboutPrincipal(principal), server: server?.name, detail: method };
  if (judged.verdict === 'allowed') {
    if (!isKnown) record(work, { event: 'unknown_method', outcome: 'ok', ...about });
    return ok(undefined);
  }
  record(work, { event: 'mcp_request', outcome: 'refused', reason: `method_${judged.verdict}`, ...about });
  if (judged.verdict === 'absent') return { ok: false, error: { reason: 'unknown_method', era, id } };
  return { ok: false, error: insufficientScope(work, resource, judged.needed) };
}

import { record } from '../../audit';
import type { RequestContext, ServerSetting } from '../../config';
import type { Resource } from '../../resource';
import { aboutPrincipal, type Principal } from '../../upstream';
import { challengeScope } from './challenge';
import type { Message } from './message';
import { isKnownMethod, judgeMethod } from './methods';
import { unknownMethod } from './rpc-error';

/**
 * Refuses a message whose method the principal may not use; undefined when it may go on. `server`: which the message
 * would reach; undefined at `/mcp`, where an unknown method reaches none. `resource`: what more scope is asked for.
 */
export function refuseMethod(
  work: Pick<RequestContext, 'var'>,
  message: Message,
  principal: Principal,
  { resource, server }: { resource: Resource; server?: ServerSetting },
): Response | undefined {
  const { method } = message;
  const isKnown = method === undefined || isKnownMethod(method);
  if (!isKnown && !server) return undefined;
  const judged = judgeMethod(message, server?.require ?? [], principal);
  const about = { ...aboutPrincipal(principal), server: server?.name, detail: method };
  if (judged.verdict === 'allowed') {
    if (!isKnown) record(work, { event: 'unknown_method', outcome: 'ok', ...about });
    return undefined;
  }
  record(work, { event: 'mcp_request', outcome: 'refused', reason: `method_${judged.verdict}`, ...about });
  return judged.verdict === 'scope' ? challengeScope(work, resource, judged.needed) : unknownMethod(message);
}

import { deploymentOf, titleOf } from '../../config';
import { mergedResource, type Resource, serverResource } from '../../resource';
import { words } from '../../ui';
import { isAnonymous, isAtMerged, type View } from '../../upstream';
import { insufficientScope } from '../request/challenge';
import { toJsonRpcError } from '../request/refusal';
import type { LockedCall } from './connect-tool';
import { WHOAMI } from './own-tools';
import type { Called } from './server';
import { judgeMerged } from './tools';

/** The parts of a message that decide whether it is sent on. */
interface Call {
  id: string | number | undefined;
  method: string | undefined;
  params: Record<string, unknown>;
}

/**
 * Finds and checks the tool of a `tools/call`, before anything else is done with the message.
 *
 * @returns what is called; a `Response` that refuses the call (`insufficient_scope`, `server_failed`,
 * `provider_unavailable`, `unknown_tool`); undefined for the gate's own tools and for all other messages
 */
export async function admitMergedCall(
  view: View,
  { id, method, params: { name } }: Call,
): Promise<Called | Response | undefined> {
  if (method !== 'tools/call' || typeof name !== 'string') return undefined;
  if (name === WHOAMI.name && isAtMerged(view)) return undefined;
  // Before sign-in there is only the gate's own tool.
  if (isAnonymous(view.principal)) return undefined;
  const judged = await judgeMerged(view, name);
  switch (judged.verdict) {
    case 'allowed':
      return { kind: 'tool', ...judged.called };
    case 'connected':
      return { kind: 'connected', server: judged.server };
    case 'locked':
      return judged.call.lock.reason === 'provider_unavailable'
        ? providerUnavailable(judged.call, id)
        : { kind: 'locked', ...judged.call };
    case 'scope':
      return toJsonRpcError(insufficientScope(view.work, resourceOf(view), judged.needed));
    case 'unavailable':
      return toJsonRpcError({
        reason: 'server_failed',
        fault: 'server_unreachable',
        title: titleOf(judged.server),
        id,
      });
    case 'absent':
      return toJsonRpcError({ reason: 'unknown_tool', name, id });
  }
}

function providerUnavailable({ server, lock }: LockedCall, id: string | number | undefined): Response {
  const { retry_after = 1 } = lock;
  const message = words.connection.unconnected.provider_unavailable(titleOf(server), retry_after);
  const error = { code: -32603, message };
  return toJsonRpcError({ reason: 'provider_unavailable', error, retryAfter: retry_after, id });
}

/** The resource of the endpoint that the principal uses. */
function resourceOf({ work, principal: { server } }: View): Resource {
  const deployment = deploymentOf(work);
  return server === undefined ? mergedResource(deployment) : serverResource(deployment, { name: server });
}

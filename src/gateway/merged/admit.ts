import { siteOf } from '../../site';
import { challengeScope } from '../challenge';
import { serverFault, unknownTool } from '../rpc-error';
import { WHOAMI } from './own-tools';
import { judgeMerged, type MergedTool } from './tools';
import type { View } from './view';

/** As much of a message as decides whether it is let in. */
interface Call {
  id: string | number | undefined;
  method: string | undefined;
  params: Record<string, unknown>;
}

/**
 * A call of a server's tool, found and judged before anything else is done with it: a `Response` refuses it.
 * Undefined for all other messages.
 */
export async function admitCall(
  view: View,
  resource: string,
  { id, method, params: { name } }: Call,
): Promise<MergedTool | Response | undefined> {
  if (method !== 'tools/call' || typeof name !== 'string' || name === WHOAMI.name) return undefined;
  const judged = await judgeMerged(view, name);
  switch (judged.verdict) {
    case 'allowed':
      return judged.called;
    case 'scope':
      return challengeScope(view.work, resource, judged.needed);
    case 'unavailable':
      return serverFault('server_unreachable', judged.server.title ?? judged.server.name, id);
    case 'absent':
      return unknownTool(name, id);
  }
}

/** The resource at `/mcp`, and at `/`, which is the same place. */
export function mergedResource(view: Pick<View, 'work'>): string {
  return `${siteOf(view.work).origin}/mcp`;
}

import {
  type CallToolResult,
  type ListPromptsResult,
  type ListResourcesResult,
  type ListResourceTemplatesResult,
  type ListToolsResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { allRecorded, record } from '../../audit';
import type { Deployment, ServerSetting } from '../../config';
import { quotable } from '../../secret-text';
import { aboutPrincipal, isAtMerged, SOFTWARE, serversOf, type Tool, type View } from '../../upstream';
import { NOT_RECORDED } from '../request/refusal';
import { alreadyConnected, askToConnect, type LockedCall } from './connect-tool';
import { complete, getPrompt, mergeItems, readResource } from './items';
import { AUTHORIZE, askToAuthorize, describePrincipal, WHOAMI } from './own-tools';
import { type Group, pageOf } from './pages';
import { callMerged, type MergedTool, mergeTools } from './tools';

/** What a call is of, already found and judged. */
export type Called =
  | ({ kind: 'tool' } & MergedTool)
  | ({ kind: 'locked' } & LockedCall)
  | { kind: 'connected'; server: ServerSetting };

/** What one request may see, and what it calls, if it does. */
export interface Seen {
  view: View;
  called?: Called | undefined;
  /** Told which servers a list of tools had to do without. */
  onMissing?: (servers: string[]) => void;
  /** Of who has not signed in: gives what the person has to open. Then it is the only tool. */
  authorize?: () => Promise<{ link: string; code: string }>;
}

/**
 * The MCP server at `/mcp`: the gate's own tools, and what all servers have that the grant holds; or, at a server's
 * own endpoint, what that one has. `seenBy`: what a request may see.
 */
export function gateServer({ settings }: Deployment, seenBy: (ctx: ServerContext) => Seen): Server {
  const server = new Server(
    { ...SOFTWARE, title: settings.name },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
    },
  );
  server.setRequestHandler('tools/list', async ({ params }, ctx) => {
    const { view, onMissing, authorize } = seenBy(ctx);
    const { groups, ttlMs, missing } = await mergeTools(view, 'answer');
    onMissing?.(missing);
    const own = authorize ? AUTHORIZE : WHOAMI;
    const all = isAtMerged(view) ? [{ server: '', items: [own as Tool] }, ...groups] : groups;
    return page<ListToolsResult>('tools', 'name', { groups: all, ttlMs }, params);
  });
  server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    const { view, called, authorize } = seenBy(ctx);
    if (authorize && params.name === AUTHORIZE.name) return askToAuthorize(await authorize());
    if (!authorize && !called && params.name === WHOAMI.name) return recorded(view, await whoami(view));
    if (!called)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${quotable(params.name)}`);
    if (called.kind === 'locked') return askToConnect(view, called, ctx);
    if (called.kind === 'connected') return alreadyConnected(called.server);
    return recorded(view, await callMerged(view, called, params, ctx));
  });
  server.setRequestHandler('prompts/list', async ({ params }, ctx) => {
    const merged = await mergeItems(seenBy(ctx).view, 'prompts');
    return page<ListPromptsResult>('prompts', 'name', merged, params);
  });
  server.setRequestHandler('resources/list', async ({ params }, ctx) => {
    const merged = await mergeItems(seenBy(ctx).view, 'resources');
    return page<ListResourcesResult>('resources', 'uri', merged, params);
  });
  server.setRequestHandler('resources/templates/list', async ({ params }, ctx) => {
    const merged = await mergeItems(seenBy(ctx).view, 'templates');
    return page<ListResourceTemplatesResult>('resourceTemplates', 'uriTemplate', merged, params);
  });
  server.setRequestHandler('prompts/get', ({ params }, ctx) => getPrompt(seenBy(ctx).view, params, ctx));
  server.setRequestHandler('resources/read', ({ params }, ctx) =>
    readResource(seenBy(ctx).view, params, ctx),
  );
  server.setRequestHandler('completion/complete', ({ params }, ctx) =>
    complete(seenBy(ctx).view, params, ctx),
  );
  return server;
}

/** One page of a merged list as its result: what depends on the principal is private (2026-07-28). */
function page<R>(
  field: string,
  key: string,
  { groups, ttlMs }: { groups: Group<object>[]; ttlMs: number },
  params: { cursor?: string | undefined } | undefined,
): R {
  const keyOf = (item: object) => String((item as Record<string, unknown>)[key]);
  const found = pageOf(groups, keyOf, params?.cursor);
  if (!found) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The cursor is not valid');
  const { items, ...rest } = found;
  return { ...rest, [field]: items, ttlMs, cacheScope: 'private' } as R;
}

/** A result that may be given, now that the call is in the trail; else an error. */
async function recorded<R>({ work }: View, result: R): Promise<R> {
  if (await allRecorded(work)) return result;
  throw new ProtocolError(ProtocolErrorCode.InternalError, NOT_RECORDED);
}

async function whoami(view: View): Promise<CallToolResult> {
  const called = { event: 'tool_call', outcome: 'ok', tool: WHOAMI.name } as const;
  record(view.work, { ...called, ...aboutPrincipal(view.principal) });
  const servers = serversOf(view).map(({ name }) => name);
  const { missing } = await mergeTools(view, 'judge');
  const described = describePrincipal({ ...view.principal, servers });
  const structuredContent = missing.length === 0 ? described : { ...described, unavailable: missing };
  return { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] };
}

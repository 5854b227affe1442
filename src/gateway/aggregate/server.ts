import {
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  type Result,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { allRecorded, record } from '../../audit';
import type { Deployment, ServerSetting } from '../../config';
import { memberText } from '../../json-members';
import { quotable } from '../../secret-text';
import {
  aboutPrincipal,
  isAtMerged,
  type ServerAnswer,
  SOFTWARE,
  serversOf,
  type View,
} from '../../upstream';
import { NOT_RECORDED } from '../request/refusal';
import { alreadyConnected, askToConnect, type LockedCall } from './connect-tool';
import { failedResult } from './failed-call';
import type { ClientRequest } from './forward';
import { complete, getPrompt, type MergedItem, mergeItems, readResource } from './items';
import { AUTHORIZE, askToAuthorize, describePrincipal, WHOAMI } from './own-tools';
import { type Group, pageOf } from './pages';
import type { RawResults } from './raw-results';
import { callMerged, type MergedTool, mergeTools } from './tools';

/** What a `tools/call` calls, already found and checked: a tool, a locked server, or a connect tool without use. */
export type Called =
  | ({ kind: 'tool' } & MergedTool)
  | ({ kind: 'locked' } & LockedCall)
  | { kind: 'connected'; server: ServerSetting };

/** What one request may see, and what it calls. */
export interface Seen {
  view: View;
  /** The request, to be sent on. */
  request: ClientRequest;
  /** Of a call of a server's tool (`admit.ts`). */
  called?: Called | undefined;
  /** Gets the names of servers that are missing in a list of tools. */
  onMissing?: (servers: string[]) => void;
  /** Before sign-in: starts one, and returns the link and the code. `authorize` is the only tool then. */
  authorize?: () => Promise<{ link: string; code: string }>;
}

/**
 * The MCP server at `/mcp`, with the gate's own tools and everything of the servers in the grant; or, at a server's own
 * endpoint, with everything of that server. Answers of servers pass it as the texts that they wrote.
 *
 * @param raw keeps those texts while the SDK handles placeholders
 * @param seenBy returns what a request may see
 */
export function gateServer(
  { settings }: Deployment,
  raw: RawResults,
  seenBy: (ctx: ServerContext) => Seen,
): Server {
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
  const asResult = <R>(text: string) => raw.keep(text) as unknown as R;
  const passed = async <R extends Result>(answer: Promise<ServerAnswer>): Promise<R> => {
    const { outcome, value, text } = await answer;
    if (outcome === 'error') throw ownError(value.error);
    return asResult<R>(memberText(text, 'result') ?? '{}');
  };
  server.setRequestHandler('tools/list', async ({ params }, ctx) => {
    const { view, onMissing, authorize } = seenBy(ctx);
    const { groups, ttlMs, missing } = await mergeTools(view, 'answer');
    onMissing?.(missing);
    const own = authorize ? AUTHORIZE : WHOAMI;
    const first = { server: '', items: [{ key: own.name, text: JSON.stringify(own) }] };
    return asResult(page('tools', { groups: isAtMerged(view) ? [first, ...groups] : groups, ttlMs }, params));
  });
  server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    const { view, called, authorize, request } = seenBy(ctx);
    if (authorize && params.name === AUTHORIZE.name) return askToAuthorize(await authorize());
    if (!authorize && !called && params.name === WHOAMI.name) return recorded(view, await whoami(view));
    if (!called)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${quotable(params.name)}`);
    if (called.kind === 'locked') return askToConnect(view, called, ctx);
    if (called.kind === 'connected') return alreadyConnected(called.server);
    const outcome = await recorded(view, await callMerged(view, called, request));
    if ('answer' in outcome) return passed<CallToolResult>(Promise.resolve(outcome.answer));
    if ('failure' in outcome) return failedResult(outcome.failure, called);
    return askToConnect(view, { server: called.server, lock: outcome.lock, name: params.name }, ctx);
  });
  server.setRequestHandler('prompts/list', async ({ params }, ctx) =>
    asResult(page('prompts', await mergeItems(seenBy(ctx).view, 'prompts'), params)),
  );
  server.setRequestHandler('resources/list', async ({ params }, ctx) =>
    asResult(page('resources', await mergeItems(seenBy(ctx).view, 'resources'), params)),
  );
  server.setRequestHandler('resources/templates/list', async ({ params }, ctx) =>
    asResult(page('resourceTemplates', await mergeItems(seenBy(ctx).view, 'templates'), params)),
  );
  server.setRequestHandler('prompts/get', (_, ctx) => {
    const { view, request } = seenBy(ctx);
    return passed(getPrompt(view, request));
  });
  server.setRequestHandler('resources/read', (_, ctx) => {
    const { view, request } = seenBy(ctx);
    return passed(readResource(view, request));
  });
  server.setRequestHandler('completion/complete', (_, ctx) => {
    const { view, request } = seenBy(ctx);
    return passed(complete(view, request));
  });
  return server;
}

/** The server's own error, unchanged. */
function ownError(error: unknown): ProtocolError {
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown };
  const number = typeof code === 'number' ? code : ProtocolErrorCode.InternalError;
  return new ProtocolError(number, typeof message === 'string' ? message : '', data);
}

/** One page of a merged list as a result's text. It depends on the principal, so its `cacheScope` is private. */
function page(
  field: string,
  { groups, ttlMs }: { groups: Group<MergedItem>[]; ttlMs: number },
  params: { cursor?: string | undefined } | undefined,
): string {
  const found = pageOf(groups, ({ key }) => key, params?.cursor);
  if (!found) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The cursor is not valid');
  const next = found.nextCursor === undefined ? '' : `"nextCursor":${JSON.stringify(found.nextCursor)},`;
  const items = found.items.map(({ text }) => text).join(',');
  return `{"${field}":[${items}],${next}"ttlMs":${ttlMs},"cacheScope":"private"}`;
}

/** Returns the result when the call is in the trail, where `AUDIT.mode` = `strict` demands that; throws otherwise. */
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

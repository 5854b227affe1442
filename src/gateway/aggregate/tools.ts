import { LOG_LEVEL_META_KEY, type Tool as SdkTool } from '@modelcontextprotocol/client';
import {
  type CallToolRequest,
  type CallToolResult,
  type InputRequiredResult,
  ProtocolError,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { roleAt, scopesWithin } from '../../account';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import {
  aboutPrincipal,
  CredentialMissing,
  isSessionLost,
  judgeTool,
  lockInTime,
  lockOf,
  publishTool,
  type Reach,
  serversOf,
  type Tool,
  toolsOf,
  type Verdict,
  type View,
} from '../../upstream';
import { askToConnect, connectTool, isConnectTool, type LockedCall, toTheServer } from './connect-tool';
import { namesFor, renameUris } from './names';
import type { Group } from './pages';

/** A call may take as long as it likes, once its server has begun to answer. */
export const LONGEST_CALL_MS = 3_600_000;

/** A server's tool under its name at `/mcp`, and what the principal may do there. */
export interface MergedTool {
  name: string;
  server: ServerSetting;
  tool: Tool;
  reach: Reach;
}

/** The tools of the principal's servers, in the settings' order; `missing`: servers that didn't tell theirs. */
export async function mergeTools(
  view: View,
  use: 'judge' | 'answer',
): Promise<{ groups: Group<Tool>[]; missing: string[]; ttlMs: number }> {
  const servers = serversOf(view);
  const lists = await Promise.all(servers.map((server) => publishedAt(view, server, use)));
  const groups = servers.map(({ name: server }, index) => ({ server, items: lists[index]?.tools ?? [] }));
  const missing = servers.filter((_, index) => !lists[index]).map(({ name }) => name);
  return { groups, missing, ttlMs: Math.min(600_000, ...lists.map((list) => list?.ttlMs ?? 0)) };
}

/** What a server's tools look like at `/mcp`; undefined when it doesn't tell them. */
async function publishedAt(
  view: View,
  server: ServerSetting,
  use: 'judge' | 'answer',
): Promise<{ tools: Tool[]; ttlMs: number | undefined } | undefined> {
  const before = await lockInTime(view, server);
  const list = before ? undefined : await toolsAt(view, server, use);
  if (list) return { tools: list.tools.flatMap((merged) => publish(merged) ?? []), ttlMs: list.ttlMs };
  // It may be that very question that showed that the server takes the credential no more.
  const lock = before ?? (await lockInTime(view, server));
  if (!lock || lock.reason === 'provider_unavailable') return undefined;
  return { tools: [connectTool(server)], ttlMs: undefined };
}

function publish({ name, server, tool, reach }: MergedTool): Tool | undefined {
  const published = publishTool(tool, server, reach);
  return published && { ...published, name };
}

/** What a name at `/mcp` stands for, and whether a call of it may go on. */
export type MergedVerdict =
  | { verdict: 'allowed'; called: MergedTool }
  | Exclude<Verdict, { verdict: 'allowed' }>
  | { verdict: 'unavailable'; server: ServerSetting }
  | { verdict: 'locked'; call: LockedCall }
  | { verdict: 'connected'; server: ServerSetting };

/**
 * Finds and judges the tool of a name, by the rules of the server's own endpoint. A server that doesn't tell its
 * tools is `unavailable`, one that the person has to connect first `locked`: whether it has that one nobody knows.
 */
export async function judgeMerged(view: View, name: string): Promise<MergedVerdict> {
  const server = serversOf(view).find(
    (candidate) => candidate.name === namesFor(view.principal).serverOf(name),
  );
  const verdict = server ? await judgeAt(view, server, name) : { verdict: 'absent' as const };
  if (verdict.verdict !== 'allowed') {
    const reason = verdict.verdict;
    const about = { ...aboutPrincipal(view.principal), server: server?.name, tool: name };
    record(view.work, { event: 'tool_call', outcome: 'refused', reason, ...about });
  }
  return verdict;
}

async function judgeAt(view: View, server: ServerSetting, name: string): Promise<MergedVerdict> {
  const lock = await lockOf(view, server);
  if (lock) return { verdict: 'locked', call: { server, lock, name } };
  const list = await toolsAt(view, server, 'judge');
  if (!list) return whyMissing(view, server, name);
  const called = list.tools.find((tool) => tool.name === name);
  if (!called && isConnectTool(server, name)) return { verdict: 'connected', server };
  const judged = called ? judgeTool(called.tool, server, called.reach) : { verdict: 'absent' as const };
  if (judged.verdict !== 'allowed') return judged;
  return called ? { verdict: 'allowed', called } : { verdict: 'absent' };
}

async function whyMissing(view: View, server: ServerSetting, name: string): Promise<MergedVerdict> {
  const lock = await lockOf(view, server);
  return lock ? { verdict: 'locked', call: { server, lock, name } } : { verdict: 'unavailable', server };
}

/** Calls the server's tool, and hands on its progress, its result or its own error. */
export async function callMerged(
  view: View,
  { server, tool }: MergedTool,
  params: CallToolRequest['params'],
  ctx: ServerContext,
): Promise<CallToolResult | InputRequiredResult> {
  const about = { ...aboutPrincipal(view.principal), server: server.name, tool: tool.name };
  const began = Date.now();
  const took = () => ({ duration_ms: Date.now() - began });
  try {
    const result = await view.use(server, ({ client }) =>
      client.callTool(
        { ...asked(params, ctx, view), name: tool.name },
        {
          ...carried(params, ctx),
          // For the headers that its schema names; what the result must be like is between server and client.
          toolDefinition: { ...tool, outputSchema: undefined } as unknown as SdkTool,
        },
      ),
    );
    record(view.work, { event: 'tool_call', outcome: 'ok', ...about, ...took() });
    return renameUris(namesFor(view.principal), server.name, result);
  } catch (error) {
    // It was there when the call was judged: the server or its provider has ended it since.
    const lock = error instanceof CredentialMissing ? error.credential : await lockOf(view, server);
    if (lock) return askToConnect(view, { server, lock, name: params.name }, ctx);
    const detail = error instanceof Error ? error.message : String(error);
    const failed = { event: 'tool_call', outcome: 'failed', reason: 'server_failed', detail } as const;
    record(view.work, { ...failed, ...about, ...took() });
    // What the server itself says of the call is for the client, as it is.
    if (error instanceof ProtocolError && !isSessionLost(error)) throw error;
    const text = `The server “${titleOf(server)}” could not answer. Trying again later may help.`;
    return { isError: true, content: [{ type: 'text', text }] };
  }
}

/**
 * The parameters of a request as its server gets them: with what a client answered to its questions, and how much
 * of its log is wanted (2026).
 */
export function asked<P extends { _meta?: object | undefined }>(
  params: P,
  { mcpReq }: ServerContext,
  { logLevel }: View,
): P {
  const state = mcpReq.requestState<string>();
  const answers = toTheServer(mcpReq.inputResponses);
  return {
    ...params,
    ...(logLevel === undefined ? {} : { _meta: { ...params._meta, [LOG_LEVEL_META_KEY]: logLevel } }),
    ...(answers && { inputResponses: answers }),
    ...(state === undefined ? {} : { requestState: state }),
  };
}

/** How a request is carried to its server: it ends with the client's, and its progress comes back. */
export function carried(
  params: { _meta?: { progressToken?: string | number | undefined } | undefined },
  ctx: ServerContext,
) {
  const { mcpReq } = ctx;
  const progressToken = params._meta?.progressToken;
  return {
    signal: mcpReq.signal,
    timeout: LONGEST_CALL_MS,
    // A client of 2026 answers a server's questions with its next request; for one of 2025 the session asks it.
    allowInputRequired: mcpReq.envelope !== undefined,
    ...(progressToken === undefined
      ? {}
      : {
          onprogress: (progress: object) => {
            const said = { ...progress, progressToken };
            // A client that has gone can't be told.
            void mcpReq.notify({ method: 'notifications/progress', params: said }).catch(() => undefined);
          },
        }),
  };
}

async function toolsAt(
  view: View,
  server: ServerSetting,
  use: 'judge' | 'answer',
): Promise<{ tools: MergedTool[]; ttlMs: number | undefined } | undefined> {
  const { work, principal } = view;
  const role = roleAt(principal.identity, server, deploymentOf(work).settings);
  if (!role) return { tools: [], ttlMs: undefined };
  const reach = { ...principal, role, scope: scopesWithin(role, principal.granted) };
  const list = await toolsOf({ ...view, principal: reach }, server, use);
  if (!list) return undefined;
  const tools = [...list.byName.values()].map((tool) => ({
    name: namesFor(principal).name(server.name, tool.name),
    server,
    tool,
    reach,
  }));
  return { tools, ttlMs: list.ttlMs };
}

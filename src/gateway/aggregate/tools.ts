import { ProtocolError } from '@modelcontextprotocol/server';
import { roleAt, scopesWithin } from '../../account';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting } from '../../config';
import { memberText } from '../../json-members';
import {
  aboutPrincipal,
  type CredentialError,
  CredentialMissing,
  judgeTool,
  lockInTime,
  lockOf,
  publishedText,
  type Reach,
  type ServerAnswer,
  ServerFailure,
  serversOf,
  type Tool,
  toolsOf,
  type Verdict,
  type View,
} from '../../upstream';
import { encodeHeaderValue, paramHeadersFor } from '../request/message-headers';
import { connectTool, isConnectTool, type LockedCall } from './connect-tool';
import { type ClientRequest, forwardTo } from './forward';
import type { MergedItem } from './items';
import { type Naming, namesFor } from './names';
import type { Group } from './pages';
import { renamedApp } from './rename';

/** A server's tool with its name at this endpoint, and what the principal may do at that server. */
export interface MergedTool {
  name: string;
  server: ServerSetting;
  tool: Tool;
  reach: Reach;
}

/**
 * The tools of the principal's servers, in the order of the settings. A locked server has its connect tool.
 *
 * @param use see `readList`
 * @returns `missing`: names of servers that didn't list their tools; `ttlMs`: how long the list may be cached
 */
export async function mergeTools(
  view: View,
  use: 'judge' | 'answer',
): Promise<{ groups: Group<MergedItem>[]; missing: string[]; ttlMs: number }> {
  const servers = serversOf(view);
  const lists = await Promise.all(servers.map((server) => publishedAt(view, server, use)));
  const groups = servers.map(({ name: server }, index) => ({ server, items: lists[index]?.tools ?? [] }));
  const missing = servers.filter((_, index) => !lists[index]).map(({ name }) => name);
  return { groups, missing, ttlMs: Math.min(600_000, ...lists.map((list) => list?.ttlMs ?? 0)) };
}

/** A server's tools as they are listed at this endpoint; undefined when the server doesn't list them. */
async function publishedAt(
  view: View,
  server: ServerSetting,
  use: 'judge' | 'answer',
): Promise<{ tools: MergedItem[]; ttlMs: number | undefined } | undefined> {
  const before = await lockInTime(view, server);
  const list = before ? undefined : await toolsAt(view, server, use);
  const names = namesFor(view.principal);
  if (list) return { tools: list.tools.flatMap((merged) => publish(names, merged) ?? []), ttlMs: list.ttlMs };
  // That request may have shown that the server no longer accepts the credential.
  const lock = before ?? (await lockInTime(view, server));
  if (!lock || lock.reason === 'provider_unavailable') return undefined;
  const tool = connectTool(server);
  return { tools: [{ key: tool.name, text: JSON.stringify(tool) }], ttlMs: undefined };
}

function publish(names: Naming, { name, server, tool, reach }: MergedTool): MergedItem | undefined {
  const text = publishedText(tool, { server, reach, name });
  return text === undefined
    ? undefined
    : { key: name, text: renamedApp((uri) => names.uri(server.name, uri), text) };
}

/**
 * Whether a call of a tool is allowed. `unavailable`: its server doesn't list its tools; `locked`: the person must
 * connect the server; `connected`: a connect tool of a server that is connected. The others are those of {@link
 * Verdict}.
 */
export type MergedVerdict =
  | { verdict: 'allowed'; called: MergedTool }
  | Exclude<Verdict, { verdict: 'allowed' }>
  | { verdict: 'unavailable'; server: ServerSetting }
  | { verdict: 'locked'; call: LockedCall }
  | { verdict: 'connected'; server: ServerSetting };

/**
 * Finds the tool of a name and checks the call, by the same rules as at the server's own endpoint. Records a refusal.
 * For a server that is `unavailable` or `locked`, it isn't known whether it has such a tool.
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

/**
 * Calls a server's tool, and records the call.
 *
 * @returns the server's answer, a result or its own error; `lock` when the person must connect the server first;
 * `failure` when the server gave no answer
 * @throws `ProtocolError` as {@link forwardTo}
 */
export async function callMerged(
  view: View,
  { server, tool }: MergedTool,
  request: ClientRequest,
): Promise<{ answer: ServerAnswer } | { lock: CredentialError } | { failure: ServerFailure }> {
  const about = { ...aboutPrincipal(view.principal), server: server.name, tool: tool.name };
  const began = Date.now();
  const took = () => ({ duration_ms: Date.now() - began });
  try {
    const args = memberText(request.text, 'params', 'arguments');
    const answer = await forwardTo(view, request, {
      server,
      params: { name: JSON.stringify(tool.name) },
      headers: [['mcp-name', encodeHeaderValue(tool.name)], ...paramHeadersFor(tool.inputSchema, args)],
    });
    record(view.work, { event: 'tool_call', outcome: 'ok', ...about, ...took() });
    return { answer };
  } catch (error) {
    // The credential worked when the call was checked; the server or its provider has ended it since.
    const lock = error instanceof CredentialMissing ? error.credential : await lockOf(view, server);
    if (lock) return { lock };
    const detail = error instanceof Error ? error.message : String(error);
    const failure = error instanceof ServerFailure ? error : undefined;
    const reason = failure?.fault ?? 'server_failed';
    record(view.work, { event: 'tool_call', outcome: 'failed', reason, detail, ...about, ...took() });
    if (error instanceof ProtocolError) throw error;
    return { failure: failure ?? new ServerFailure('server_not_mcp', detail) };
  }
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

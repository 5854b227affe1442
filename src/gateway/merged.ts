import { createHash } from 'node:crypto';
import type { CallToolRequest, CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import type { Context } from 'hono';
import { roleAt, scopesWithin, usableServers } from '../account';
import { record } from '../audit';
import type { ServerSetting } from '../config';
import { siteOf } from '../site';
import { judgeTool, publishTool, type Reach, type Tool, type ToolVerdict } from './policy';
import type { Principal } from './principal';
import { listServerTools, withClient } from './server-client';

/** Clients refuse longer names, and characters other than these. */
const MAX_NAME = 64;
const NAME = /^[A-Za-z0-9_-]+$/;

/** A server's tool under its name at `/mcp`, and what the principal may do there. */
export interface MergedTool {
  name: string;
  server: ServerSetting;
  tool: Tool;
  reach: Reach;
}

/** The servers of a grant that its user may still use. */
export function serversOf(c: Context, principal: Principal): ServerSetting[] {
  const usable = usableServers(siteOf(c).settings, principal.identity);
  return usable.filter(({ name }) => principal.servers.includes(name));
}

/**
 * `{server}_{tool}`: server names have no `_`, so no two tools meet. What would be too long, or has characters
 * that clients refuse, is cut and ends in a hash of the whole.
 */
export function mergedName(server: string, tool: string): string {
  const whole = `${server}_${tool}`;
  if (whole.length <= MAX_NAME && NAME.test(whole)) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, MAX_NAME - 9)}_${hash}`;
}

/** All tools of the principal's servers, in the settings' order; `missing`: servers that didn't tell theirs. */
export async function mergeTools(
  c: Context,
  principal: Principal,
): Promise<{ tools: Tool[]; missing: string[] }> {
  const servers = serversOf(c, principal);
  const lists = await Promise.all(servers.map((server) => toolsAt(c, server, principal)));
  const tools = lists
    .flatMap((list) => list ?? [])
    .map(({ name, server, tool, reach }) => {
      const published = publishTool(tool, server, reach);
      return published && { ...published, name };
    });
  const missing = servers.filter((_, index) => !lists[index]).map(({ name }) => name);
  return { tools: tools.filter((tool) => tool !== undefined), missing };
}

/** What a name at `/mcp` stands for, and whether a call of it may go on. */
export type MergedVerdict =
  | { verdict: 'allowed'; called: MergedTool }
  | Exclude<ToolVerdict, { verdict: 'allowed' }>
  | { verdict: 'unavailable'; server: ServerSetting };

/**
 * Finds and judges the tool of a name, by the rules of the server's own endpoint. A server that doesn't tell its
 * tools is `unavailable`: whether it has that one nobody knows.
 */
export async function judgeMerged(c: Context, principal: Principal, name: string): Promise<MergedVerdict> {
  const server = serversOf(c, principal).find((candidate) => name.startsWith(`${candidate.name}_`));
  const verdict = server ? await judgeAt(c, principal, server, name) : { verdict: 'absent' as const };
  if (verdict.verdict !== 'allowed') {
    const about = { user: principal.user.id, client: principal.client.id, grant: principal.grantId };
    const reason = verdict.verdict;
    record(c, {
      event: 'tool_call',
      outcome: 'refused',
      reason,
      server: server?.name,
      detail: name.slice(0, 200),
      ...about,
    });
  }
  return verdict;
}

async function judgeAt(
  c: Context,
  principal: Principal,
  server: ServerSetting,
  name: string,
): Promise<MergedVerdict> {
  const tools = await toolsAt(c, server, principal);
  if (!tools) return { verdict: 'unavailable', server };
  const called = tools.find((tool) => tool.name === name);
  const judged = called ? judgeTool(called.tool, server, called.reach) : { verdict: 'absent' as const };
  if (judged.verdict !== 'allowed') return judged;
  return called ? { verdict: 'allowed', called } : { verdict: 'absent' };
}

/** Calls the server's tool and hands on its progress and its result. */
export async function callMerged(
  c: Context,
  principal: Principal,
  { server, tool }: MergedTool,
  params: CallToolRequest['params'],
  ctx: ServerContext,
): Promise<CallToolResult> {
  const began = Date.now();
  const token = params._meta?.progressToken;
  const about = {
    user: principal.user.id,
    client: principal.client.id,
    server: server.name,
    detail: tool.name,
  };
  try {
    const result = await withClient(c, server, principal, (client) =>
      client.callTool(
        { name: tool.name, ...(params.arguments === undefined ? {} : { arguments: params.arguments }) },
        {
          signal: ctx.mcpReq.signal,
          timeout: 3_600_000,
          ...(token === undefined
            ? {}
            : {
                onprogress: (progress) => {
                  const said = { ...progress, progressToken: token };
                  void ctx.mcpReq.notify({ method: 'notifications/progress', params: said });
                },
              }),
        },
      ),
    );
    record(c, { event: 'tool_call', outcome: 'ok', ...about, grant: principal.grantId });
    return result;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `${tool.name}: ${why}`.slice(0, 300);
    record(c, { event: 'tool_call', outcome: 'failed', reason: 'server_failed', ...about, detail });
    const text = `The server “${server.title ?? server.name}” could not answer (after ${Date.now() - began} ms).`;
    return { isError: true, content: [{ type: 'text', text }] };
  }
}

async function toolsAt(
  c: Context,
  server: ServerSetting,
  principal: Principal,
): Promise<MergedTool[] | undefined> {
  const role = roleAt(principal.identity, server, siteOf(c).settings);
  if (!role) return [];
  const at = { ...principal, role, scope: scopesWithin(role, principal.granted) };
  const tools = await listServerTools(c, server, at);
  return (
    tools &&
    [...tools.byName.values()].map((tool) => ({
      name: mergedName(server.name, tool.name),
      server,
      tool,
      reach: at,
    }))
  );
}

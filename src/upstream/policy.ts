import { holds, type Identity, SCOPES, type Scope, scopesWithin, withinTools } from '../account';
import type { Role, ServerSetting } from '../config';
import { matchesGlob } from '../glob';
import { withMembers } from '../json-members';
import { readItems, rewriteItem } from './items';

/*
 * Who may call what: plain data in, a verdict out. What a principal may never use, or wasn't granted, is
 * absent; what more scope would unlock is listed and refused with the scopes that it needs.
 */

/** A tool as a server lists it; other fields pass through. */
export interface Tool {
  name: string;
  title?: string | undefined;
  annotations?: ToolHints | undefined;
  inputSchema?: unknown;
  /** Its JSON text as its server wrote it; undefined of the gate's own tools. */
  text?: string;
}
interface ToolHints {
  title?: unknown;
  readOnlyHint?: unknown;
  destructiveHint?: unknown;
}

/** No tool of anybody's has a longer name. */
const LONGEST_NAME = 1_024;

/**
 * The tools of a list that a server sent, each with its own text, as far as they can be understood and shown: the
 * others are left out. Undefined when there is no list of tools, or none in it can be understood.
 *
 * @param text the list's JSON text
 */
export function readTools(list: unknown, text: string): { tools: Tool[]; leftOut: string[] } | undefined {
  const read = readItems('tools', list, text);
  if (!read || (read.items.length === 0 && read.leftOut.length > 0)) return undefined;
  const byName = new Map<string, Tool[]>();
  const leftOut = [...read.leftOut];
  for (const item of read.items) {
    const tool = { ...(item.value as unknown as Tool), text: item.text };
    if (tool.name.length > LONGEST_NAME) leftOut.push(tool.name.slice(0, 40));
    else byName.set(tool.name, [...(byName.get(tool.name) ?? []), tool]);
  }
  const tools = [...byName.values()].flatMap((same) => (same.length === 1 ? same : same.map(withoutHints)));
  return { tools, leftOut };
}

/** A tool whose name another one has too: which of them is called, nobody can tell. */
export function withoutHints({ annotations: _, text, ...tool }: Tool): Tool {
  return text === undefined ? tool : { ...tool, text: withMembers(text, { annotations: undefined }) };
}

export type ToolAccess = 'read' | 'write' | 'destructive' | 'hidden';

/** What a principal may do at one server. */
export interface Reach {
  role: Role;
  /** What the token carries, held to the role there. */
  scope: Scope[];
  identity: Identity;
  /** Globs over `{server}_{tool}` that an access key is held to; undefined: all. */
  tools?: readonly string[] | undefined;
}

/** Whether something may go on. `scope`: with more permission it might; `needed` is all that it takes. */
export type Verdict = { verdict: 'allowed' } | { verdict: 'absent' } | { verdict: 'scope'; needed: Scope[] };

/**
 * What a tool does, by the first rule of the server's `tools` that matches, else by its own hints: not
 * saying that it only reads, nor that it destroys nothing, means that it may (MCP, "Tool annotations").
 */
export function accessOf(tool: Tool, server: ServerSetting): ToolAccess {
  const rule = server.tools.find(({ match }) => matchesGlob(tool.name, match));
  if (rule) return rule.access;
  if (tool.annotations?.readOnlyHint === true) return 'read';
  return tool.annotations?.destructiveHint === false ? 'write' : 'destructive';
}

/** Whether a call to the tool may go on. */
export function judgeTool(tool: Tool, server: ServerSetting, reach: Reach): Verdict {
  const access = accessOf(tool, server);
  const rules = server.require.filter(
    (rule) => rule.tools !== undefined && matchesGlob(tool.name, rule.tools),
  );
  const inReach = withinTools(reach.tools, server.name, tool.name);
  if (access === 'hidden' || !inReach || !rules.every((rule) => holds(rule, reach.identity)))
    return { verdict: 'absent' };
  return judgeScope(`mcp:${access}`, reach);
}

/** Whether a principal has a scope, could be given it, or never: then what needs it isn't there for them. */
export function judgeScope(needed: Scope, reach: Pick<Reach, 'role' | 'scope'>): Verdict {
  if (!scopesWithin(reach.role, SCOPES).includes(needed)) return { verdict: 'absent' };
  if (reach.scope.includes(needed)) return { verdict: 'allowed' };
  return { verdict: 'scope', needed: SCOPES.slice(0, SCOPES.indexOf(needed) + 1) };
}

/** The tool as it is listed for a principal: with what the gate decided in its hints; undefined: not at all. */
export function publishTool<T extends Tool>(tool: T, server: ServerSetting, reach: Reach): T | undefined {
  if (judgeTool(tool, server, reach).verdict === 'absent') return undefined;
  const access = accessOf(tool, server);
  const hints = { readOnlyHint: access === 'read', destructiveHint: access === 'destructive' };
  return { ...tool, annotations: { ...tool.annotations, ...hints } };
}

/**
 * The text of {@link publishTool}: what its server wrote, but for the hints.
 *
 * @param name another name to list it under
 */
export function publishedText(
  tool: Tool,
  { server, reach, name }: { server: ServerSetting; reach: Reach; name?: string },
): string | undefined {
  const published = publishTool(tool, server, reach);
  if (!published) return undefined;
  const { text, ...value } = published;
  const { readOnlyHint, destructiveHint } = published.annotations ?? {};
  const hints = { readOnlyHint: `${readOnlyHint}`, destructiveHint: `${destructiveHint}` };
  const renamed = name === undefined ? {} : { name: JSON.stringify(name) };
  return rewriteItem({ text: text ?? JSON.stringify(value) }, renamed, hints);
}

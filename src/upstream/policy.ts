import { holds, type Identity, SCOPES, type Scope, scopesWithin, withinTools } from '../account';
import type { Role, ServerSetting } from '../config';
import { matchesGlob } from '../glob';
import { withMembers } from '../json-members';
import { readItems, rewriteItem } from './items';

/*
 * Who may call which tool: plain data in, a verdict out. A tool that a principal may never use is absent. A tool that
 * needs more scope is listed, and a call is refused with the scopes that it needs.
 */

/** A tool as a server lists it. Other members are kept. */
export interface Tool {
  name: string;
  title?: string | undefined;
  annotations?: ToolHints | undefined;
  inputSchema?: unknown;
  /** Its JSON as the server wrote it; undefined for the gate's own tools. */
  text?: string;
}
interface ToolHints {
  title?: unknown;
  readOnlyHint?: unknown;
  destructiveHint?: unknown;
}

/** The longest name of a tool that is accepted, in characters. */
const LONGEST_NAME = 1_024;

/**
 * The tools in a list that a server sent, each with its own text. Tools that can't be read or shown are left out.
 *
 * @param list the parsed array
 * @param text the JSON text of the array
 * @returns undefined when it isn't an array, or none of its items can be read
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

/** A tool without its hints, because another tool has the same name and it isn't known which one a call is for. */
export function withoutHints({ annotations: _, text, ...tool }: Tool): Tool {
  return text === undefined ? tool : { ...tool, text: withMembers(text, { annotations: undefined }) };
}

/** What a tool does. `hidden`: nobody may use it. */
export type ToolAccess = 'read' | 'write' | 'destructive' | 'hidden';

/** What a principal may do at one server: the input of the rules. */
export interface Reach {
  role: Role;
  /** The scopes of the token, limited to the role at that server. */
  scope: Scope[];
  identity: Identity;
  /** The globs over `{server}_{tool}` that an access key is limited to; undefined: all tools. */
  tools?: readonly string[] | undefined;
}

/** The result of a rule. `scope`: allowed with more scope; `needed`: all scopes that it needs. */
export type Verdict = { verdict: 'allowed' } | { verdict: 'absent' } | { verdict: 'scope'; needed: Scope[] };

/**
 * What a tool does: by the first rule of the server's `tools` setting that matches, else by its own hints. Without
 * `readOnlyHint: true` or `destructiveHint: false`, it counts as destructive (MCP, "Tool annotations").
 */
export function accessOf(tool: Tool, server: ServerSetting): ToolAccess {
  const rule = server.tools.find(({ match }) => matchesGlob(tool.name, match));
  if (rule) return rule.access;
  if (tool.annotations?.readOnlyHint === true) return 'read';
  return tool.annotations?.destructiveHint === false ? 'write' : 'destructive';
}

/** Whether a principal may call a tool, by the server's settings, their identity, role, scopes, and key. */
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

/** Whether a principal has a scope (`allowed`), can get it (`scope`), or can't with their role (`absent`). */
export function judgeScope(needed: Scope, reach: Pick<Reach, 'role' | 'scope'>): Verdict {
  if (!scopesWithin(reach.role, SCOPES).includes(needed)) return { verdict: 'absent' };
  if (reach.scope.includes(needed)) return { verdict: 'allowed' };
  return { verdict: 'scope', needed: SCOPES.slice(0, SCOPES.indexOf(needed) + 1) };
}

/** A tool as it is listed for a principal, with hints that say what the gate decided; undefined: it isn't listed. */
export function publishTool<T extends Tool>(tool: T, server: ServerSetting, reach: Reach): T | undefined {
  if (judgeTool(tool, server, reach).verdict === 'absent') return undefined;
  const access = accessOf(tool, server);
  const hints = { readOnlyHint: access === 'read', destructiveHint: access === 'destructive' };
  return { ...tool, annotations: { ...tool.annotations, ...hints } };
}

/**
 * The JSON of {@link publishTool}: as its server wrote it, except for the hints.
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

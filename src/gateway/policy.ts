import { holds, type Identity, SCOPES, type Scope, scopesWithin, withinTools } from '../account';
import type { Role, ServerSetting } from '../config';
import { matchesGlob } from '../glob';

/*
 * Who may call what: plain data in, a verdict out. What a principal may never use, or wasn't granted, is
 * absent; what more scope would unlock is listed and refused with the scopes that it needs.
 */

/** A tool as a server lists it; other fields pass through. */
export interface Tool {
  name: string;
  title?: string | undefined;
  annotations?: ToolHints | undefined;
}
interface ToolHints {
  title?: string | undefined;
  readOnlyHint?: boolean | undefined;
  destructiveHint?: boolean | undefined;
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

export type ToolVerdict =
  | { verdict: 'allowed' }
  | { verdict: 'absent' }
  | { verdict: 'scope'; needed: Scope[] };

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
export function judgeTool(tool: Tool, server: ServerSetting, reach: Reach): ToolVerdict {
  const access = accessOf(tool, server);
  const rules = server.require.filter(
    (rule) => rule.tools !== undefined && matchesGlob(tool.name, rule.tools),
  );
  const inReach = withinTools(reach.tools, server.name, tool.name);
  if (access === 'hidden' || !inReach || !rules.every((rule) => holds(rule, reach.identity)))
    return { verdict: 'absent' };
  const needed: Scope = `mcp:${access}`;
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

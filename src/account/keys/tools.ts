import { matchesGlob } from '../../glob';

/**
 * Whether a key may use a tool.
 *
 * @param tools globs of `{server}_{tool}` that the key is limited to; undefined: all tools
 */
export function withinTools(tools: readonly string[] | undefined, server: string, tool: string): boolean {
  return tools === undefined || tools.some((glob) => matchesGlob(`${server}_${tool}`, glob));
}

import { matchesGlob } from '../../glob';

/** Whether a key that is held to some tools reaches this one; undefined: it is held to none. Globs over `{server}_{tool}`. */
export function withinTools(tools: readonly string[] | undefined, server: string, tool: string): boolean {
  return tools === undefined || tools.some((glob) => matchesGlob(`${server}_${tool}`, glob));
}

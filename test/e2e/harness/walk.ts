import { Walker } from '../../../scripts/lib/walk';

export { type Choices, describe as describePage, type Page, Walker } from '../../../scripts/lib/walk';

/** A new person at a new browser without scripts, who walks this gate's pages. */
export function walk(gate: { origin: string }, options?: { also?: readonly string[] }): Walker {
  return new Walker(gate.origin, options);
}

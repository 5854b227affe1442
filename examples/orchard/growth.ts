export const KINDS = ['apple', 'pear', 'plum', 'cherry', 'quince'] as const;

export type Kind = (typeof KINDS)[number];

/** The stages of a tree, by its age in seconds: trees grow fast in this orchard. */
const STAGES = [
  { from: 0, says: 'a seedling' },
  { from: 30, says: 'a sapling' },
  { from: 120, says: 'in blossom' },
  { from: 300, says: 'full of fruit' },
] as const;

/** The stage of a tree; both times in milliseconds since the epoch. */
export function stageOf(plantedAt: number, now: number): string {
  const age = (now - plantedAt) / 1000;
  return (STAGES.findLast(({ from }) => age >= from) ?? STAGES[0]).says;
}

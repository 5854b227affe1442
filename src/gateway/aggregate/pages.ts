import { base64url } from 'jose';

/** How many things one page of a list has: many clients never ask for a second. */
export const PAGE = 500;

/** What one server contributes to a list. */
export interface Group<T> {
  server: string;
  items: T[];
}

/** A page of a list. */
export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

/**
 * The page after `cursor`, over all groups in their order; undefined when the cursor is none of ours. The cursor
 * names the last thing of the page before, so that what comes or goes elsewhere moves nothing; if that thing
 * itself went, its position counts.
 */
export function pageOf<T>(
  groups: Group<T>[],
  keyOf: (item: T) => string,
  cursor?: string,
  size = PAGE,
): Page<T> | undefined {
  const all = groups.flatMap(({ server, items }) => items.map((item, index) => ({ server, item, index })));
  const from = cursor === undefined ? 0 : positionAfter(cursor, groups, keyOf);
  if (from === undefined) return undefined;
  const page = all.slice(from, from + size);
  const last = page.at(-1);
  const items = page.map(({ item }) => item);
  if (!last || from + page.length >= all.length) return { items };
  return { items, nextCursor: writeCursor([last.server, keyOf(last.item), last.index]) };
}

type CursorPosition = [server: string, key: string, index: number];

function writeCursor(position: CursorPosition): string {
  return base64url.encode(JSON.stringify(position));
}

function positionAfter<T>(
  cursor: string,
  groups: Group<T>[],
  keyOf: (item: T) => string,
): number | undefined {
  const [server, key, index] = readCursor(cursor) ?? [];
  const at = groups.findIndex((group) => group.server === server);
  const group = groups[at];
  if (!group || index === undefined) return undefined;
  const before = groups.slice(0, at).reduce((count, { items }) => count + items.length, 0);
  // Where it was, if it is there still: a server may list the same thing twice.
  const unmoved = group.items.slice(index, index + 1).some((item) => keyOf(item) === key);
  const found = unmoved ? index : group.items.findIndex((item) => keyOf(item) === key);
  return before + (found === -1 ? Math.min(index, group.items.length) : found + 1);
}

function readCursor(cursor: string): CursorPosition | undefined {
  try {
    const position: unknown = JSON.parse(new TextDecoder().decode(base64url.decode(cursor)));
    if (!Array.isArray(position) || position.length !== 3) return undefined;
    const [server, key, index] = position as unknown[];
    const read = typeof server === 'string' && typeof key === 'string' && Number.isInteger(index);
    return read && Number(index) >= 0 ? (position as CursorPosition) : undefined;
  } catch {
    return undefined;
  }
}

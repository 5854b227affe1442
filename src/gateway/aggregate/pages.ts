import { base64url } from 'jose';

/** The number of items on one page of a list. Many clients never request a second page. */
export const PAGE = 500;

/** The items of one server in a list. */
export interface Group<T> {
  server: string;
  items: T[];
}

/** A page of a list. `nextCursor`: absent on the last page (MCP, "Pagination"). */
export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

/**
 * The page after a cursor, over all groups in their order. The cursor names the last item of the page before, so that
 * items that are added or removed before it don't matter. If that item is gone, its old position is used.
 *
 * @param keyOf the name of an item, unique in its group
 * @param cursor of the page before; undefined: the first page
 * @param size the number of items on a page
 * @returns undefined when the cursor isn't valid
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
  // The old position first, because a server may list the same item twice.
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

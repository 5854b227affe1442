import { elementsOf, membersOf, memberText, withMembers } from '../json-members';
import { isObject } from '../json-text';

/** The kinds of lists that servers have. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'templates';

/** The method, the member of the result, and the server capability of each kind. */
export const LISTS: Record<ListKind, { method: string; field: string; capability: string }> = {
  tools: { method: 'tools/list', field: 'tools', capability: 'tools' },
  prompts: { method: 'prompts/list', field: 'prompts', capability: 'prompts' },
  resources: { method: 'resources/list', field: 'resources', capability: 'resources' },
  templates: {
    method: 'resources/templates/list',
    field: 'resourceTemplates',
    capability: 'resources',
  },
};

/** One item of a server's list: parsed, and as the server wrote it, without members that are `null`. */
export interface ListedItem {
  value: Record<string, unknown>;
  text: string;
}

/** The members that an item of each kind must have, as strings. */
const TEXTS: Record<ListKind, readonly string[]> = {
  tools: ['name'],
  prompts: ['name'],
  resources: ['uri', 'name'],
  templates: ['uriTemplate', 'name'],
};

/** The longest name or URI that is accepted, in characters. */
const LONGEST_NAME = 8_192;

/**
 * Reads a list of one kind, item by item. Only items that clients can't show are left out. Members that are `null`
 * count as missing.
 *
 * @param list the parsed array
 * @param text the JSON text of the array
 * @returns the items, and the names or positions of those that were left out; undefined when it isn't an array
 */
export function readItems(
  kind: ListKind,
  list: unknown,
  text: string,
): { items: ListedItem[]; leftOut: string[] } | undefined {
  if (!Array.isArray(list)) return undefined;
  const spans = elementsOf(text);
  const items: ListedItem[] = [];
  const leftOut: string[] = [];
  for (const [index, listed] of list.entries()) {
    const span = spans[index];
    const item = span && withoutNulls(listed, text.slice(span.start, span.end));
    if (item && isShowable(kind, item.value)) items.push(item);
    else leftOut.push(isObject(listed) && typeof listed.name === 'string' ? listed.name : `#${index}`);
  }
  return { items, leftOut };
}

/** Reads the list of a kind in a result, as {@link readItems}. `text`: the JSON text of the result. */
export function itemsInResult(
  kind: ListKind,
  result: Record<string, unknown>,
  text: string,
): ReturnType<typeof readItems> {
  const { field } = LISTS[kind];
  return readItems(kind, result[field], memberText(text, field) ?? '');
}

function withoutNulls(listed: unknown, text: string): ListedItem | undefined {
  if (!isObject(listed)) return undefined;
  const names = Object.keys(listed).filter((name) => listed[name] === null);
  const { annotations } = listed;
  const nulls = isObject(annotations)
    ? Object.keys(annotations).filter((name) => annotations[name] === null)
    : [];
  if (names.length === 0 && nulls.length === 0) return { value: listed, text };
  const removed = (all: string[]) => Object.fromEntries(all.map((name) => [name, undefined]));
  const hints = nulls.length > 0 && memberText(text, 'annotations');
  const changed = withMembers(text, {
    ...removed(names),
    ...(hints ? { annotations: withMembers(hints, removed(nulls)) } : {}),
  });
  return { value: JSON.parse(changed) as Record<string, unknown>, text: changed };
}

function isShowable(kind: ListKind, item: Record<string, unknown>): boolean {
  const names = TEXTS[kind].every((name) => isName(item[name]));
  const texts = ['title', 'description', 'mimeType'].every((name) => isTextOrMissing(item[name]));
  const hints = item.annotations === undefined || isObject(item.annotations);
  if (!names || !texts || !hints) return false;
  if (kind === 'tools') return isObject(item.inputSchema) && item.inputSchema.type === 'object';
  if (kind === 'prompts') return item.arguments === undefined || isArguments(item.arguments);
  return true;
}

function isArguments(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => isObject(one) && isName(one.name));
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME && value.isWellFormed();
}

function isTextOrMissing(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** An item's text with some members and annotations set, or removed where undefined. The values are JSON texts. */
export function rewriteItem(
  { text }: Pick<ListedItem, 'text'>,
  members: Record<string, string | undefined>,
  annotations: Record<string, string | undefined> = {},
): string {
  const hints = Object.keys(annotations).length === 0 ? undefined : (memberText(text, 'annotations') ?? '{}');
  return withMembers(text, {
    ...members,
    ...(hints === undefined ? {} : { annotations: withMembers(hints, annotations) }),
  });
}

/** Whether the JSON text of an object has this member. */
export function hasMember(text: string, name: string): boolean {
  return membersOf(text).has(name);
}

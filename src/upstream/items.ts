import { elementsOf, membersOf, memberText, withMembers } from '../json-members';
import { isObject } from '../json-text';

/** What servers list. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'templates';

/** How each kind is asked for, and where its result has it. */
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

/** One thing that a server lists: what it says, and its own text without members that are `null`. */
export interface ListedItem {
  value: Record<string, unknown>;
  text: string;
}

/** What each kind must have, as a text. */
const TEXTS: Record<ListKind, readonly string[]> = {
  tools: ['name'],
  prompts: ['name'],
  resources: ['uri', 'name'],
  templates: ['uriTemplate', 'name'],
};

/** No name or URI of anybody's is longer. */
const LONGEST_NAME = 8_192;

/**
 * Reads a list of one kind, each item by itself: what clients could not show is left out alone. Members that are
 * `null` count as absent.
 *
 * @param list the parsed array, and `text` its JSON text
 * @returns the items, and what was left out, by name or number; undefined when it is no list
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

/** The list of a kind in a result, given as its value and its text. */
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

/** An item's text with some members set, and one of its `annotations` set or added. */
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

/** Whether a text has a member of a name at its top. */
export function hasMember(text: string, name: string): boolean {
  return membersOf(text).has(name);
}

/*
 * Changes single members of a JSON text (RFC 8259) and leaves every other byte as it is: what is parsed and written
 * again has other numbers, another order of members and other escapes. All of these expect a text that has been
 * parsed, such as `parseJsonText` accepts.
 */

/** A value in a text: from its first character to behind its last one. */
export interface Span {
  start: number;
  end: number;
}

/** A member of an object: its value, and where the name before it begins. */
export interface Member extends Span {
  from: number;
}

/** The members of the object that begins at `at` or behind white space, by name. The last of a repeated name counts. */
export function membersOf(text: string, at = 0): Map<string, Member> {
  const members = new Map<string, Member>();
  let position = skipBlanks(text, at);
  if (text[position] !== '{') return members;
  position = skipBlanks(text, position + 1);
  while (text[position] === '"') {
    const from = position;
    const name = endOfValue(text, position);
    const start = skipBlanks(text, skipBlanks(text, name) + 1);
    const end = endOfValue(text, start);
    members.set(JSON.parse(text.slice(from, name)) as string, { from, start, end });
    position = skipBlanks(text, end);
    if (text[position] === ',') position = skipBlanks(text, position + 1);
  }
  return members;
}

/** The elements of the array that begins at `at` or behind white space. */
export function elementsOf(text: string, at = 0): Span[] {
  const elements: Span[] = [];
  let position = skipBlanks(text, at);
  if (text[position] !== '[') return elements;
  position = skipBlanks(text, position + 1);
  while (position < text.length && text[position] !== ']') {
    const end = endOfValue(text, position);
    elements.push({ start: position, end });
    position = skipBlanks(text, end);
    if (text[position] === ',') position = skipBlanks(text, position + 1);
  }
  return elements;
}

/** The text of a member's value in an object; undefined when it isn't there. `path`: names, from the outside. */
export function memberText(text: string, ...path: string[]): string | undefined {
  let span: Span = { start: 0, end: text.length };
  for (const name of path) {
    const member = membersOf(text, span.start).get(name);
    if (!member) return undefined;
    span = member;
  }
  return text.slice(span.start, span.end).trim();
}

/**
 * An object's text with some of its members changed: each value is the new JSON text, or undefined to leave the
 * member out. Members that weren't there come first, so that what is long needn't be searched.
 */
export function withMembers(text: string, changes: Record<string, string | undefined>): string {
  const members = [...membersOf(text)];
  const known = new Set(members.map(([name]) => name));
  const added = Object.entries(changes).flatMap(([name, value]) =>
    known.has(name) || value === undefined ? [] : [`${JSON.stringify(name)}:${value}`],
  );
  const isChanged = (name: string) => Object.hasOwn(changes, name);
  if (added.length === 0 && !members.some(([name]) => isChanged(name))) return text;
  const open = text.indexOf('{') + 1;
  const close = skipBlanks(text, members.at(-1)?.[1].end ?? open);
  // Each with the white space around it, from behind the comma before it to the next one.
  const kept = members.flatMap(([name, { start, end }], index) => {
    const value = isChanged(name) ? changes[name] : text.slice(start, end);
    if (value === undefined) return [];
    const from = index === 0 ? open : skipBlanks(text, members[index - 1]?.[1].end ?? open) + 1;
    return [text.slice(from, start) + value + text.slice(end, skipBlanks(text, end))];
  });
  return text.slice(0, open) + [...added, ...kept].join(',') + text.slice(close);
}

/** A text with spans of it replaced, none of which overlap. */
export function replaceSpans(text: string, edits: readonly (Span & { text: string })[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, Math.max(at, edit.start)), edit.text);
    at = Math.max(at, edit.end);
  }
  return [...parts, text.slice(at)].join('');
}

const BLANK = ' \t\r\n';

function skipBlanks(text: string, at: number): number {
  let position = at;
  while (position < text.length && BLANK.includes(text[position] ?? '')) position++;
  return position;
}

/** Where the value ends that begins at `at`. */
function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return endOfString(text, at) + 1;
  if (first !== '{' && first !== '[') {
    SCALAR_END.lastIndex = at;
    return SCALAR_END.exec(text)?.index ?? text.length;
  }
  let depth = 0;
  for (let position = at; position < text.length; position++) {
    const char = text.charCodeAt(position);
    if (char === 0x22) position = endOfString(text, position);
    else if (char === 0x7b || char === 0x5b) depth++;
    else if ((char === 0x7d || char === 0x5d) && --depth === 0) return position + 1;
  }
  return text.length;
}

const SCALAR_END = /[,\]}\s]/g;

/** The quote that ends the string which begins at a quote; the text's length when none does. */
export function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = at;
    while (text.charCodeAt(escapes - 1) === 0x5c) escapes--;
    if ((at - escapes) % 2 === 0) return at;
  }
  return text.length;
}

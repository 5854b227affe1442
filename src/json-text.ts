import { endOfString } from './json-members';
import { ok, type Refusal, type Result, refuse } from './result';

/*
 * JSON (RFC 8259) that every parser reads the same way: no name is repeated, and nothing is nested so deeply that
 * parsing becomes expensive.
 */

/** How deeply objects and arrays may be nested. Messages of real clients have fewer than 20 levels. */
export const MAX_DEPTH = 128;

/** Why a text is refused. */
export type JsonFault = 'byte_order_mark' | 'too_deep' | 'not_json' | 'repeated_member' | 'malformed_name';

/** The error description for the sender. */
export const JSON_FAULTS: Record<JsonFault, string> = {
  byte_order_mark: 'The body begins with a byte order mark, which JSON must not have (RFC 8259 section 8.1)',
  too_deep: `The body nests objects or arrays more than ${MAX_DEPTH} levels deep`,
  not_json: 'The body is not valid JSON',
  repeated_member: 'An object has a member more than once',
  malformed_name: 'The name of a member has half of a surrogate pair',
};

/**
 * Parses a JSON text. Also refused: a byte order mark, nesting beyond {@link MAX_DEPTH}, and an object with a repeated
 * member or a name that isn't well-formed Unicode, since parsers disagree about these. The depth is checked before
 * anything is parsed. Takes time linear in the length of the text.
 */
export function parseJsonText(text: string): Result<unknown, Refusal<JsonFault>> {
  if (text.startsWith('\uFEFF')) return refuse('byte_order_mark');
  const written = countWritten(text);
  if (written === undefined) return refuse('too_deep');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return refuse('not_json');
  }
  const counted = countMembers(parsed);
  if (counted === undefined) return refuse('malformed_name');
  return counted === written ? ok(parsed) : refuse('repeated_member');
}

/** Whether a value is an object, but not an array or null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A name without the differences that some programs ignore: case, white space, invisible characters, and the width of
 * letters. Upper case comes first, since it also folds letters such as the long s, whose lower case is itself.
 */
export function folded(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\p{C}\p{Z}]+/gu, '')
    .toUpperCase()
    .toLowerCase();
}

/** Counts the members in the text by their colons outside strings; undefined when it is nested too deeply. */
function countWritten(text: string): number | undefined {
  let [depth, members] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > MAX_DEPTH) return undefined;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        members++;
    }
  }
  return members;
}

const QUOTE = 0x22;
/** How many members there are in a parsed value; undefined when the name of one isn't Unicode. */
function countMembers(value: unknown): number | undefined {
  let count = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (Array.isArray(next)) {
      for (const one of next) if (typeof one === 'object' && one !== null) waiting.push(one);
    } else if (typeof next === 'object' && next !== null) {
      const members = next as Record<string, unknown>;
      for (const name of Object.keys(members)) {
        if (!name.isWellFormed()) return undefined;
        count++;
        const one = members[name];
        if (typeof one === 'object' && one !== null) waiting.push(one);
      }
    }
  }
  return count;
}

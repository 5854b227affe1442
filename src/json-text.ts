import { endOfString } from './json-members';
import { ok, type Refusal, type Result, refuse } from './result';

/*
 * JSON (RFC 8259) that two readers can't read differently: everything in it counts once, and none of it is so deep
 * that reading it costs more than its length.
 */

/** How many objects and arrays may lie in one another. Messages of real clients have fewer than 20 levels. */
export const MAX_DEPTH = 128;

/** Why a text isn't read. */
export type JsonFault = 'byte_order_mark' | 'too_deep' | 'not_json' | 'repeated_member' | 'malformed_name';

/** What to tell who sent it. */
export const JSON_FAULTS: Record<JsonFault, string> = {
  byte_order_mark: 'The body begins with a byte order mark, which JSON must not have (RFC 8259 section 8.1)',
  too_deep: `The body nests objects or arrays more than ${MAX_DEPTH} levels deep`,
  not_json: 'The body is not JSON',
  repeated_member: 'An object has a member more than once',
  malformed_name: 'The name of a member has half of a surrogate pair',
};

/**
 * Parses a JSON text. Refused, besides what isn't JSON: a byte order mark, nesting beyond {@link MAX_DEPTH}, and an
 * object with a member twice or with a name that isn't Unicode: readers differ in what they make of those. The depth
 * is found before anything is parsed. Time is linear in the length of the text.
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

/** Whether a value is an object with members: no array, not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A name without what some readers have no regard for: its case, white space and invisible characters, the width of
 * its letters. Upper case first: it also folds letters, such as the long s, whose lower case is their own.
 */
export function folded(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\p{C}\p{Z}]+/gu, '')
    .toUpperCase()
    .toLowerCase();
}

/** How many members the text writes, if it is JSON; undefined when it is too deep. Outside strings each has one colon. */
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

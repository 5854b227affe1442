import { RE2JS } from 're2js';
import { isolateCache } from './caches';

/*
 * Regular expressions of the settings. They meet text that strangers send (claims, names), so they run in linear
 * time: RE2's syntax (https://github.com/google/re2/wiki/Syntax), never the backtracking of `RegExp`.
 */

/** Characters of a text that a pattern is tried on; a longer one matches none. Real claims are far shorter. */
export const LONGEST_MATCHED = 2048;
/** Steps of a compiled pattern: what a repetition such as `(a{50}){50}` becomes. */
const LONGEST_PROGRAM = 1000;

const compiled = isolateCache<RE2JS>('patterns');

/** Why a pattern can't be used, for the operator; undefined when it can. */
export function patternFault(pattern: string): string | undefined {
  try {
    const steps = RE2JS.compile(pattern).programSize();
    return steps > LONGEST_PROGRAM ? 'its repetitions make it too large' : undefined;
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'unreadable';
    return `${reason} (RE2 syntax: no lookahead, lookbehind or backreference)`;
  }
}

/** Whether some part of the text matches a pattern that has no {@link patternFault}. */
export function matchesPattern(text: string, pattern: string): boolean {
  if (text.length > LONGEST_MATCHED) return false;
  const known = compiled().get(pattern) ?? RE2JS.compile(pattern);
  compiled().set(pattern, known);
  return known.test(text);
}

import { RE2JS } from 're2js';
import { isolateCache } from './caches';

/*
 * Regular expressions of the settings. They are applied to text from outside (claims, names), so they must run in
 * linear time: RE2 (https://github.com/google/re2/wiki/Syntax) instead of `RegExp`, which backtracks.
 */

/** The longest text that can match a pattern, in characters. Real claims are far shorter. */
export const LONGEST_MATCHED = 2048;
/** Most steps of a compiled pattern: repetitions such as `(a{50}){50}` become very many. */
const LONGEST_PROGRAM = 1000;

const compiled = isolateCache<RE2JS>('patterns');

/** Why a pattern can't be used, in words for the operator; undefined when it can. */
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

/** Whether some part of the text matches a pattern. The pattern must have no {@link patternFault}. */
export function matchesPattern(text: string, pattern: string): boolean {
  if (text.length > LONGEST_MATCHED) return false;
  const known = compiled().get(pattern) ?? RE2JS.compile(pattern);
  compiled().set(pattern, known);
  return known.test(text);
}

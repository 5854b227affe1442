import { describe, expect, test } from 'vitest';
import { LONGEST_MATCHED, matchesPattern, patternFault } from '../src/pattern';

/** Runs it, and fails when that takes long: the time of a backtracking engine doubles with every character. */
function soon<T>(run: () => T): T {
  const began = performance.now();
  const result = run();
  expect(performance.now() - began).toBeLessThan(2000);
  return result;
}

describe('a pattern never costs more than its input is long', () => {
  test.each([
    ['^(a+)+$', `${'a'.repeat(2000)}!`],
    ['^(a|aa)+$', `${'a'.repeat(2000)}!`],
    ['^(a|a)*$', `${'a'.repeat(2000)}!`],
    ['(x+x+)+y', 'x'.repeat(2000)],
    ['^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@)$', 'a'.repeat(2000)],
    ['(.*)*b', 'a'.repeat(2000)],
    ['(a?){150}a{150}b', 'a'.repeat(2000)],
    ['^(\\w+\\s?)*$', `${'word '.repeat(400)}!`],
    ['(a|b)*a(a|b){150}$', 'ab'.repeat(1000)],
  ])('%s', (pattern, text) => {
    expect(patternFault(pattern)).toBeUndefined();
    soon(() => matchesPattern(text, pattern));
  });

  test('and no text is tried that is longer than any claim', () => {
    expect(matchesPattern('a'.repeat(LONGEST_MATCHED), '^a+$')).toBe(true);
    expect(soon(() => matchesPattern('a'.repeat(5_000_000), '^a+$'))).toBe(false);
  });
});

describe('a pattern that can’t run in linear time is refused with the reason', () => {
  test.each([
    ['a lookahead', '^(?=a)b', 'lookahead'],
    ['a negative lookahead', '^(?!evil)', 'lookahead'],
    ['a lookbehind', '(?<=a)b', 'lookbehind'],
    ['a negative lookbehind', '(?<!a)b', 'lookbehind'],
    ['a backreference', '(a)\\1', 'backreference'],
    ['a named backreference', '(?<x>a)\\k<x>', 'backreference'],
    ['a repetition that is too large', 'a{1001}', 'repeat count'],
    ['repetitions that multiply', '(?:[a-c]x?y?z?){200}', 'too large'],
    ['no pattern', '(', 'missing'],
    ['an open class', '[a', 'missing'],
    ['nothing to repeat', '*', 'missing argument'],
  ])('%s', (_what, pattern, reason) => {
    expect(patternFault(pattern)).toContain(reason);
  });
});

test.each([
  ['^acme/', 'acme/app', true],
  ['^acme/', 'evil/acme/', false],
  ['^refs\\/heads\\/(main|release-.+)$', 'refs/heads/release-1', true],
  ['^[\\w.-]+@acme\\.com$', 'ada.l@acme.com', true],
  ['^[\\w.-]+@acme\\.com$', 'ada@acmeXcom', false],
  ['^(?:acme/.*)$', 'acme/x', true],
  ['^staff$', 'staff\n', false],
  ['^staff$', 'x\nstaff', false],
  ['\\d{3}', 'a123', true],
  ['(?i)^ACME$', 'acme', true],
  ['', 'anything', true],
])('%s of %j: %s', (pattern, text, matches) => {
  expect(matchesPattern(text, pattern)).toBe(matches);
});

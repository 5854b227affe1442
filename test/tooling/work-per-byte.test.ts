import { describe, expect, test } from 'vitest';
import { parseJsonText } from '../../src/json-text';
import { AnswerScan } from '../../src/upstream/answer-scan';

/*
 * What messages cost is linear in their length. In Node, because in workerd the clock stands still while nothing is
 * waited for. The limits are for a busy machine; what isn't linear takes minutes.
 */

const LIMIT_MS = 10_000;
const MESSAGE = 4_000_000;

function timeOf(work: () => unknown): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

describe('a message of 4 MB that a client sent', () => {
  test.each([
    ['a string of escaped quotes', `"${'\\"'.repeat(MESSAGE / 2)}"`],
    ['a string of backslashes', `"${'\\\\'.repeat(MESSAGE / 2)}"`],
    ['a string without end', `"${'\\"'.repeat(MESSAGE / 2)}`],
    ['a long string', `"${'x'.repeat(MESSAGE)}"`],
    ['empty arrays', `[${'[],'.repeat(MESSAGE / 3)}[]]`],
    ['many members', `{${Array.from({ length: MESSAGE / 14 }, (_, index) => `"m${index}":1`).join()}}`],
  ])('costs little: %s', (_what, text) => {
    expect(timeOf(() => parseJsonText(text))).toBeLessThan(LIMIT_MS);
  });

  test.each([
    ['brackets', '['],
    ['braces', '{"a":'],
  ])('costs nothing when it is too deep: %s', (_what, text) => {
    const deep = text.repeat(MESSAGE / text.length);
    const parsed = timeOf(() => expect(parseJsonText(deep).ok).toBe(false));
    expect(parsed).toBeLessThan(1_000);
  });
});

describe('an answer of 50 MB that a server sent', () => {
  test.each([
    ['text', `"${'x'.repeat(50_000_000)}"`],
    ['text with quotes', `"${'\\"ab'.repeat(12_500_000)}"`],
    ['numbers', `[${'1,'.repeat(25_000_000)}1]`],
    ['brackets', '['.repeat(50_000_000)],
  ])('is looked at as it passes: %s', (_what, value) => {
    const bytes = new TextEncoder().encode(`{"id":1,"result":{"structuredContent":{"a":${value}}}}`);
    const scan = new AnswerScan();
    const time = timeOf(() => {
      for (let at = 0; at < bytes.length; at += 65_536) scan.push(bytes.subarray(at, at + 65_536));
    });
    expect(scan.shape).toBe('plain');
    expect(time).toBeLessThan(LIMIT_MS);
  });
});

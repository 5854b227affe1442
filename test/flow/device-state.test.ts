import { describe, expect, it } from 'vitest';
import { pollsTooSoon } from '../../src/flow/device-state';
import { makeUserCode, readUserCode, showUserCode } from '../../src/flow/user-codes';

describe('a device that asks', () => {
  it.each([
    ['for the first time', undefined, 5, false],
    ['at once again', 0, 5, true],
    ['a little early, as the network has it', 4100, 5, false],
    ['too early', 3900, 5, true],
    ['in time', 5000, 5, false],
    ['as before, though it was slowed down', 5000, 10, true],
  ])('%s', (_, ago, interval, hurries) => {
    const nowMs = 1_000_000;
    const polledAt = ago === undefined ? undefined : nowMs - ago;
    expect(pollsTooSoon({ polledAt, nowMs, interval })).toBe(hurries);
  });
});

describe('a user code', () => {
  it('has eight of twenty letters, each as likely as another', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      const code = makeUserCode();
      expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
      for (const letter of code) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect(counts.size).toBe(20);
    // 800 each; ten standard deviations.
    for (const count of counts.values()) expect(Math.abs(count - 800)).toBeLessThan(280);
  });

  it.each([
    ['BCDF-GHJK', 'BCDFGHJK'],
    [' bcdf ghjk ', 'BCDFGHJK'],
    ['b.c.d.f–g/h j k', 'BCDFGHJK'],
    ['BCDFGHJ', undefined],
    ['BCDFGHJKL', undefined],
    ['ABCDFGHJ', undefined],
    ['BCDF1GHJK', undefined],
    ['', undefined],
    ['ＢＣＤＦＧＨＪＫ', undefined],
  ])('is read from what was typed: %j', (typed, code) => {
    expect(readUserCode(typed)).toBe(code);
    if (code) expect(readUserCode(showUserCode(code))).toBe(code);
  });
});

import { describe, expect, it } from 'vitest';
import { judgeCodeReplay, judgeRefreshReplay } from '../../../src/account/grants/replay';

describe('a code that comes again', () => {
  it.each([
    { after: 0, used: false, verdict: 'repeat' },
    { after: 10, used: false, verdict: 'repeat' },
    { after: 11, used: false, verdict: 'replay' },
    { after: 0, used: true, verdict: 'replay' },
  ])('after $after s, tokens used: $used, is a $verdict', ({ after, used, verdict }) => {
    expect(judgeCodeReplay({ redeemedAt: 1000, now: 1000 + after, used })).toBe(verdict);
  });
});

describe('a rotated refresh token that comes again', () => {
  it.each([
    { after: 0, successorUsed: true, verdict: 'repeat' },
    { after: 120, successorUsed: true, verdict: 'repeat' },
    { after: 121, successorUsed: true, verdict: 'replay' },
    { after: 121, successorUsed: false, verdict: 'repeat' },
    { after: 2_591_999, successorUsed: false, verdict: 'repeat' },
  ])('after $after s, successor used: $successorUsed, is a $verdict', ({ after, successorUsed, verdict }) => {
    const facts = { rotatedAt: 1000, now: 1000 + after, grace: 120, successorUsed };
    expect(judgeRefreshReplay(facts)).toBe(verdict);
  });
});

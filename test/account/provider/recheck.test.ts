import { describe, expect, test } from 'vitest';
import { judgeRecheck, type RecheckFacts } from '../../../src/account/provider/recheck';

const NOW = 1_000_000;
const facts = (changes: Partial<RecheckFacts> & { age?: number } = {}): RecheckFacts => ({
  now: NOW,
  answeredAt: NOW - (changes.age ?? 0),
  recheck: 100,
  maxAge: 1000,
  askable: true,
  retryAt: null,
  deniedAt: null,
  signInWanted: false,
  groupsAt: null,
  ...changes,
});

describe('a provider that has answered', () => {
  test.each([
    ['a moment ago is left alone', { age: 99 }, 'go_on'],
    ['`recheck` ago is asked', { age: 100 }, 'ask'],
    ['`max_age` ago is asked once more before anybody is refused', { age: 5000 }, 'ask'],
    [
      'longer ago than a `max_age` that is shorter than `recheck` is asked too',
      { age: 50, maxAge: 50 },
      'ask',
    ],
    ['and failed a moment ago is left alone', { age: 100, retryAt: NOW + 1 }, 'go_on'],
    ['and failed a while ago is asked again', { age: 100, retryAt: NOW }, 'ask'],
    ['and fails until `max_age` vouches for nobody any more', { age: 1000, retryAt: NOW + 1 }, 'too_old'],
    ['and can’t be asked vouches until `max_age`', { age: 999, askable: false }, 'go_on'],
    ['and can’t be asked vouches no longer', { age: 1000, askable: false }, 'too_old'],
    ['and said no is obeyed, however new its word', { deniedAt: NOW }, 'denied'],
    ['and wants a sign-in is asked again after a while', { signInWanted: true, retryAt: NOW }, 'ask'],
    ['and wants a sign-in gets one', { signInWanted: true, retryAt: NOW + 1 }, 'sign_in'],
    ['and is silent about groups vouches for them until `max_age`', { groupsAt: NOW - 999 }, 'go_on'],
    ['and is silent about groups for longer vouches no more', { groupsAt: NOW - 1000 }, 'too_old'],
    ['and whose no is in doubt is obeyed later', { deniedAt: NOW + 1, askable: false }, 'go_on'],
  ] as const)('%s', (_what, changes, verdict) => {
    expect(judgeRecheck(facts(changes))).toBe(verdict);
  });
});

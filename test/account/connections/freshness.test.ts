import { describe, expect, it } from 'vitest';
import { type Freshness, judgeFreshness, retryDelay } from '../../../src/account/connections/freshness';

const NOW = 1_000_000;
const fresh: Freshness = {
  now: NOW,
  renewedAt: NOW - 600,
  expiresAt: NOW + 3000,
  renewable: true,
  retryAt: null,
  refused: false,
};

describe('whether a credential may be used', () => {
  it.each([
    ['long before its end', {}, 'use'],
    ['a minute before its end', { expiresAt: NOW + 60 }, 'renew'],
    ['just more than a minute before its end', { expiresAt: NOW + 61 }, 'use'],
    ['after its end', { expiresAt: NOW }, 'renew'],
    ['when nobody told its end', { expiresAt: null }, 'use'],
    ['when the server refused it', { refused: true }, 'renew'],
    ['when the server refused it, of which nobody told the end', { expiresAt: null, refused: true }, 'renew'],
    ['near its end, of one that can’t be renewed', { expiresAt: NOW + 1, renewable: false }, 'use'],
    ['after its end, of one that can’t be renewed', { expiresAt: NOW, renewable: false }, 'ended'],
    ['when the server refused one that can’t be renewed', { refused: true, renewable: false }, 'ended'],
    [
      'near its end, while the provider wants to be left alone',
      { expiresAt: NOW + 9, retryAt: NOW + 5 },
      'use',
    ],
    [
      'after its end, while the provider wants to be left alone',
      { expiresAt: NOW, retryAt: NOW + 5 },
      'wait',
    ],
    ['refused, while the provider wants to be left alone', { refused: true, retryAt: NOW + 5 }, 'wait'],
    ['after its end, when that time is over', { expiresAt: NOW, retryAt: NOW }, 'renew'],
    ['of a minute, half over', { renewedAt: NOW - 30, expiresAt: NOW + 30 }, 'use'],
    ['of a minute, three quarters over', { renewedAt: NOW - 45, expiresAt: NOW + 15 }, 'renew'],
  ] as [string, Partial<Freshness>, string][])('%s', (_what, facts, verdict) => {
    expect(judgeFreshness({ ...fresh, ...facts })).toBe(verdict);
  });
});

describe('how long a provider that failed is left alone', () => {
  it.each([
    [1, undefined, 2],
    [5, undefined, 32],
    [50, undefined, 60],
    [1, 30, 30],
    [1, 0, 1],
    [1, 86_400, 3600],
  ])('after %i failures, when it says %j: %i seconds', (failures, retryAfter, delay) => {
    expect(retryDelay(failures, retryAfter)).toBe(delay);
  });
});

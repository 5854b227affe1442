import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../src/limits/source';

/** Whether two addresses count as one source, as one network, or as strangers. */
function compare(one: string, other: string): string {
  const [a, b] = [blocksOf(one), blocksOf(other)];
  if (a === undefined || b === undefined) return 'unknown';
  return a.source === b.source ? 'source' : a.network === b.network ? 'network' : 'strangers';
}

describe('where requests come from', () => {
  it.each([
    ['198.51.100.1', '198.51.100.1', 'source'],
    ['198.51.100.1', '198.51.100.2', 'network'],
    ['198.51.100.1', '198.51.101.1', 'strangers'],
    ['198.51.100.1', '::ffff:198.51.100.1', 'source'],
    ['198.51.100.1', ' 198.51.100.1 ', 'source'],
    ['2001:db8:1:2::1', '2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', 'source'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', 'network'],
    ['2001:db8:1:2::1', '2001:db8:2:2::1', 'strangers'],
    ['::1', '127.0.0.1', 'strangers'],
    ['', '127.0.0.1', 'unknown'],
    ['an address', '127.0.0.1', 'unknown'],
    ['198.51.100.1, 198.51.100.2', '198.51.100.1', 'unknown'],
    ['198.51.100.300', '198.51.100.1', 'unknown'],
  ])('%s and %s: %s', (one, other, verdict) => {
    expect(compare(one, other)).toBe(verdict);
  });
});

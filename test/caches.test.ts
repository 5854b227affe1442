import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CACHES, Cache, isolateCache } from '../src/caches';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a cache', () => {
  test('forgets what is older than it keeps things, or than the entry said', () => {
    const cache = new Cache<string>({ maxEntries: 10, ttlMs: 1000 });
    cache.set('long', 'a');
    cache.set('short', 'b', 500);
    cache.set('longer than the cache', 'c', 5000);
    vi.setSystemTime(1_000_600);
    expect(cache.values()).toEqual(['a', 'c']);
    expect(cache.get('short')).toBeUndefined();
    vi.setSystemTime(1_001_000);
    expect([cache.get('long'), cache.get('longer than the cache')]).toEqual([undefined, undefined]);
    expect(cache.keys()).toEqual([]);
  });

  test('has no more entries than its bound: the oldest goes, and one that is set again is new', () => {
    const cache = new Cache<number>({ maxEntries: 2, ttlMs: 1000 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.set('a', 3);
    cache.set('c', 4);
    expect(cache.keys()).toEqual(['a', 'c']);
    expect(cache.get('a')).toBe(3);
    cache.delete('a');
    expect(cache.get('a')).toBeUndefined();
  });
});

describe('the caches of an isolate', () => {
  test('are those of one owner, by name', () => {
    const listsOf = isolateCache<string>('serverLists');
    const [one, other] = [{}, {}];
    listsOf(one).set('key', 'value');
    expect(isolateCache<string>('serverLists')(one).get('key')).toBe('value');
    expect(listsOf(other).get('key')).toBeUndefined();
    expect(isolateCache<string>('serverFailures')(one).get('key')).toBeUndefined();
  });

  test('all have a bound, so that nobody outside can fill the memory', () => {
    for (const { maxEntries } of Object.values(CACHES)) expect(maxEntries).toBeLessThanOrEqual(1_000);
  });
});

import { describe, expect, test } from 'vitest';
import { type Group, PAGE, pageOf } from '../../../src/gateway/aggregate/pages';

function groupOf(server: string, count: number): Group<string> {
  return { server, items: Array.from({ length: count }, (_, index) => `${server}-${index}`) };
}

const key = (item: string) => item;

/** All pages, with `between` done to the groups after each. */
function walk(groups: Group<string>[], size: number, between: (page: number) => void = () => undefined) {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = pageOf(groups, key, cursor, size);
    if (!page) throw new Error(`no page at ${cursor}`);
    pages.push(page.items);
    cursor = page.nextCursor;
    between(pages.length);
  } while (cursor !== undefined && pages.length < 50);
  return pages;
}

describe('the pages of a merged list', () => {
  test.each([
    [0, [0]],
    [1, [1]],
    [PAGE - 1, [PAGE - 1]],
    [PAGE, [PAGE]],
    [PAGE + 1, [PAGE, 1]],
    [2 * PAGE, [PAGE, PAGE]],
    [2 * PAGE + 1, [PAGE, PAGE, 1]],
  ])('of %i things have these sizes: no empty page stands at the end', (count, sizes) => {
    const groups = [groupOf('a', Math.floor(count / 3)), groupOf('b', count - Math.floor(count / 3))];
    const pages = walk(groups, PAGE);
    expect(pages.map(({ length }) => length)).toEqual(sizes);
    expect(pages.flat()).toEqual(groups.flatMap(({ items }) => items));
  });

  test('repeat nothing and lose nothing when servers before and after gain and lose things in between', () => {
    const groups = [groupOf('a', 5), groupOf('b', 7), groupOf('c', 5)];
    const stay = ['a-1', ...groupOf('b', 7).items, 'c-1'];
    const pages = walk(groups, 4, (page) => {
      if (page === 2) groups[0]?.items.unshift('a-new', 'a-newer');
      if (page === 3) groups[0]?.items.splice(0, 3);
      if (page === 3) groups[2]?.items.splice(2, 2);
    }).flat();
    expect(new Set(pages).size).toBe(pages.length);
    expect(pages).toEqual(expect.arrayContaining(stay));
  });

  test('go on at its place when the last thing of a page has gone, and at the next server when its server has none', () => {
    const groups = [groupOf('a', 4), groupOf('b', 2)];
    const first = pageOf(groups, key, undefined, 2);
    groups[0]?.items.splice(1, 1);
    expect(pageOf(groups, key, first?.nextCursor, 9)?.items).toEqual(['a-2', 'a-3', 'b-0', 'b-1']);
    groups[0]?.items.splice(0);
    expect(pageOf(groups, key, first?.nextCursor, 9)?.items).toEqual(['b-0', 'b-1']);
  });

  test('come to an end when a server lists the same thing again and again', () => {
    const groups = [{ server: 'a', items: Array.from({ length: 7 }, () => 'twin') }];
    expect(walk(groups, 2).map(({ length }) => length)).toEqual([2, 2, 2, 1]);
  });

  const cursor = (place: unknown) => btoa(JSON.stringify(place)).replace(/=+$/, '');
  test.each([
    ['empty', ''],
    ['not base64', '%%%'],
    ['not JSON', btoa('a,b')],
    ['no place', cursor({ server: 'a' })],
    ['too short', cursor(['a', 'a-1'])],
    ['too long', cursor(['a', 'a-1', 1, 1])],
    ['of another server', cursor(['z', 'a-1', 1])],
    ['of an inherited name', cursor(['__proto__', 'a-1', 1])],
    ['with half an index', cursor(['a', 'gone', 1.5])],
    ['with an index below zero', cursor(['a', 'gone', -1])],
    ['with an index of text', cursor(['a', 'gone', '1'])],
    ['very long', 'A'.repeat(100_000)],
  ])('are refused for a cursor that is %s', (_, garbage) => {
    expect(pageOf([groupOf('a', 3)], key, garbage)).toBeUndefined();
  });
});

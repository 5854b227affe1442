import { describe, expect, test } from 'vitest';
import { MERGED, type Naming, namesFor } from '../../../src/gateway/aggregate/names';
import { renamedResult } from '../../../src/gateway/aggregate/rename';

function renameUris(names: Naming, server: string, result: object): unknown {
  return JSON.parse(renamedResult(names, server, JSON.stringify(result)));
}

describe('a name at /mcp', () => {
  test.each([
    ['notes', 'read_note', 'notes_read_note'],
    ['a-b', 'c', 'a-b_c'],
    ['s', '_', 's__'],
    ['s', 'x'.repeat(62), `s_${'x'.repeat(62)}`],
  ])('of %s and %s is %s', (server, tool, name) => {
    expect(MERGED.name(server, tool)).toBe(name);
  });

  const long = 'x'.repeat(80);
  const HOSTILE = [
    ...[long, `${long}y`, `${'x'.repeat(63)}`, ''],
    ...['a b', 'a.b', 'a/b', 'a-b', 'a"b', 'a\\b', 'a\u0000b', 'a\nb', 'a\r\nx-evil: 1', 'a\u2028b'],
    ...['ä', 'a\u0308', '工具', '🔧', '\ud800', '__proto__', 'constructor', '=?utf-8?q?a?='],
  ];

  test('is at most 64 characters that every client, JSON and a header take, and never that of another tool', () => {
    const names = HOSTILE.map((tool) => MERGED.name('s', tool));
    for (const name of names) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(MERGED.serverOf(name)).toBe('s');
    }
    expect(new Set(names).size).toBe(names.length);
  });

  test("can't be taken by a tool that calls itself what another is cut to", () => {
    const cut = HOSTILE.map((tool) => MERGED.name('s', tool));
    const taken = cut.map((name) => MERGED.name('s', name.slice('s_'.length)));
    const whole = HOSTILE.filter((tool) => MERGED.name('s', tool) === `s_${tool}`);
    expect(taken.filter((name) => cut.includes(name))).toEqual(whole.map((tool) => `s_${tool}`));
  });

  test.each([
    ['a', 'b_c', 'a-b', 'c'],
    ['a', '_b', 'a-', 'b'],
    ['one', 'two_x', 'two', 'x'],
  ])('of %s and %s is not that of %s and %s', (server, tool, other, another) => {
    const [name, second] = [MERGED.name(server, tool), MERGED.name(other, another)];
    expect(name).not.toBe(second);
    expect([MERGED.serverOf(name), MERGED.serverOf(second)]).toEqual([server, other]);
  });

  test.each(['', 'nothing', '_x', '-'])('%j belongs to no server', (name) => {
    expect(MERGED.serverOf(name)).toBe('');
  });
});

describe('a URI at /mcp', () => {
  test.each([
    'file:///readme',
    'mcp+other+file:///readme',
    'notes://a?b=c#d',
    'x:',
    '',
    'urn:a b',
    'file:///ä/工具',
    'a\nb',
    'demo://item/{id}{?q*}',
    '+',
  ])('%j comes back as it was, for the server that it was of', (uri) => {
    const merged = MERGED.uri('a-b1', uri);
    expect(MERGED.split(merged)).toEqual({ server: 'a-b1', uri });
    expect(MERGED.split(MERGED.split(merged)?.uri ?? '')?.server).not.toBe('a-b1');
  });

  test.each(['file:///readme', 'mcp+', 'mcp+a', 'mcp+A+x', 'mcp++x', 'MCP+a+x', ' mcp+a+x', 'mcp+a_b+x'])(
    '%j is none',
    (uri) => {
      expect(MERGED.split(uri)).toBeUndefined();
    },
  );

  test('stands wherever a result links to or embeds a resource, and nowhere else', () => {
    const uri = 'file:///readme';
    const link = { type: 'resource_link', uri, name: 'readme' };
    const embedded = { type: 'resource', resource: { uri, text: uri } };
    const text = { type: 'text', text: uri, uri };
    const merged = 'mcp+a+file:///readme';
    expect(
      renameUris(MERGED, 'a', { content: [link, embedded, text, null], structuredContent: { uri } }),
    ).toEqual({
      content: [{ ...link, uri: merged }, { ...embedded, resource: { uri: merged, text: uri } }, text, null],
      structuredContent: { uri },
    });
    expect(renameUris(MERGED, 'a', { messages: [{ role: 'user', content: link }] })).toEqual({
      messages: [{ role: 'user', content: { ...link, uri: merged } }],
    });
    expect(renameUris(MERGED, 'a', { contents: [{ uri, text: uri }] })).toEqual({
      contents: [{ uri: merged, text: uri }],
    });
    expect(renameUris(MERGED, 'a', { content: 'none', other: [link] })).toEqual({
      content: 'none',
      other: [link],
    });
  });
});

test('at a server’s own endpoint all are named as the server names them', () => {
  const names = namesFor({ server: 'a' });
  expect(names.name('a', 'read it')).toBe('read it');
  expect(names.serverOf('b_read')).toBe('a');
  expect(names.split(names.uri('a', 'mcp+b+x://y'))).toEqual({ server: 'a', uri: 'mcp+b+x://y' });
  const result = { contents: [{ uri: 'x://y', text: '' }] };
  expect(renameUris(names, 'a', result)).toEqual(result);
});

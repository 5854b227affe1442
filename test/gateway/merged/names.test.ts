import { describe, expect, test } from 'vitest';
import { mergedName, mergedUri, mergeUris, serverNameOf, splitUri } from '../../../src/gateway/merged/names';

describe('a name at /mcp', () => {
  test.each([
    ['notes', 'read_note', 'notes_read_note'],
    ['a-b', 'c', 'a-b_c'],
    ['s', '_', 's__'],
    ['s', 'x'.repeat(62), `s_${'x'.repeat(62)}`],
  ])('of %s and %s is %s', (server, tool, name) => {
    expect(mergedName(server, tool)).toBe(name);
  });

  const long = 'x'.repeat(80);
  const HOSTILE = [
    ...[long, `${long}y`, `${'x'.repeat(63)}`, ''],
    ...['a b', 'a.b', 'a/b', 'a-b', 'a"b', 'a\\b', 'a\u0000b', 'a\nb', 'a\r\nx-evil: 1', 'a\u2028b'],
    ...['ä', 'a\u0308', '工具', '🔧', '\ud800', '__proto__', 'constructor', '=?utf-8?q?a?='],
  ];

  test('is at most 64 characters that every client, JSON and a header take, and never that of another tool', () => {
    const names = HOSTILE.map((tool) => mergedName('s', tool));
    for (const name of names) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(serverNameOf(name)).toBe('s');
    }
    expect(new Set(names).size).toBe(names.length);
  });

  test("can't be taken by a tool that calls itself what another is cut to", () => {
    const cut = HOSTILE.map((tool) => mergedName('s', tool));
    const taken = cut.map((name) => mergedName('s', name.slice('s_'.length)));
    const whole = HOSTILE.filter((tool) => mergedName('s', tool) === `s_${tool}`);
    expect(taken.filter((name) => cut.includes(name))).toEqual(whole.map((tool) => `s_${tool}`));
  });

  test.each([
    ['a', 'b_c', 'a-b', 'c'],
    ['a', '_b', 'a-', 'b'],
    ['one', 'two_x', 'two', 'x'],
  ])('of %s and %s is not that of %s and %s', (server, tool, other, another) => {
    const [name, second] = [mergedName(server, tool), mergedName(other, another)];
    expect(name).not.toBe(second);
    expect([serverNameOf(name), serverNameOf(second)]).toEqual([server, other]);
  });

  test.each(['', 'nothing', '_x', '-'])('%j belongs to no server', (name) => {
    expect(serverNameOf(name)).toBe('');
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
    const merged = mergedUri('a-b1', uri);
    expect(splitUri(merged)).toEqual({ server: 'a-b1', uri });
    expect(splitUri(splitUri(merged)?.uri ?? '')?.server).not.toBe('a-b1');
  });

  test.each(['file:///readme', 'mcp+', 'mcp+a', 'mcp+A+x', 'mcp++x', 'MCP+a+x', ' mcp+a+x', 'mcp+a_b+x'])(
    '%j is none',
    (uri) => {
      expect(splitUri(uri)).toBeUndefined();
    },
  );

  test('stands wherever a result links to or embeds a resource, and nowhere else', () => {
    const uri = 'file:///readme';
    const link = { type: 'resource_link', uri, name: 'readme' };
    const embedded = { type: 'resource', resource: { uri, text: uri } };
    const text = { type: 'text', text: uri, uri };
    const merged = 'mcp+a+file:///readme';
    expect(mergeUris('a', { content: [link, embedded, text, null], structuredContent: { uri } })).toEqual({
      content: [{ ...link, uri: merged }, { ...embedded, resource: { uri: merged, text: uri } }, text, null],
      structuredContent: { uri },
    });
    expect(mergeUris('a', { messages: [{ role: 'user', content: link }] })).toEqual({
      messages: [{ role: 'user', content: { ...link, uri: merged } }],
    });
    expect(mergeUris('a', { contents: [{ uri, text: uri }] })).toEqual({
      contents: [{ uri: merged, text: uri }],
    });
    expect(mergeUris('a', { content: 'none', other: [link] })).toEqual({ content: 'none', other: [link] });
  });
});

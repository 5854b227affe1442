import { UriTemplate } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { matchesUriTemplate } from '../../../src/gateway/aggregate/uri-template';

describe('a URI of a template', () => {
  test.each([
    ['file:///{path}', 'file:///a', true],
    ['file:///{path}', 'file:///a/b', false],
    ['file:///{path}', 'file:///', false],
    ['file:///{+path}', 'file:///a/b/c.txt', true],
    ['db://{table}/{id}', 'db://users/7', true],
    ['db://{table}/{id}', 'db://users', false],
    ['db://{table}/{id}', 'xdb://users/7', false],
    ['notes://{a,b}', 'notes://x', true],
    ['x://{list*}', 'x://a,b,c', true],
    ['x:/{/list*}', 'x://a,b', true],
    ['x://host{/a,b}', 'x://host/a', true],
    ['x://q{?a,b}', 'x://q?a=1&b=2', true],
    ['x://q{?a,b}', 'x://q?a=1', false],
    ['x://q?z=1{&a}', 'x://q?z=1&a=2', true],
    ['x://f{.ext}', 'x://f.txt', true],
    ['x://f{#frag}', 'x://f#a', true],
    ['x://a.b/{c}', 'x://aXb/c', false],
    ['x://[a](b)+$/{c}', 'x://[a](b)+$/c', true],
    ['plain://a', 'plain://a', true],
    ['plain://a', 'plain://b', false],
  ])('%s: %s: %s, as the SDK has it', (template, uri, matches) => {
    expect(matchesUriTemplate(template, uri)).toBe(matches);
    if (template !== uri) expect(new UriTemplate(template).match(uri) !== null).toBe(matches);
  });

  test.each([
    ['many parts that reach over everything', '{+a}'.repeat(12)],
    ['many parts', '{a}'.repeat(300)],
    ['more than can be matched', '{+a}'.repeat(1000)],
    ['pairs without end', `{?${'a,'.repeat(1500)}b}`],
    ['exploded lists', '{/a*}'.repeat(100)],
    ['braces', '{'.repeat(4000)],
    ['a megabyte', 'x{+a}'.repeat(200_000)],
  ])('costs no more than it is long, whatever its server writes: %s', (_what, template) => {
    const began = performance.now();
    expect(matchesUriTemplate(`${template}!`, 'a'.repeat(4000))).toBe(false);
    expect(matchesUriTemplate(`${template}!`, `/${'a,'.repeat(1900)}`)).toBe(false);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

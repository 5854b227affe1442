import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, membersOf, memberText, replaceSpans, withMembers } from '../src/json-members';

describe('changing single members of a JSON text', () => {
  it('leaves every other byte as it is', () => {
    const text = '{ "b" : 1.0, "n":12345678901234567890 , "2":-0,"1":"\\u0041\\"}" , "a":[1,{"x":[ ]}] }';
    expect(withMembers(text, { a: '[]' })).toBe(
      '{ "b" : 1.0, "n":12345678901234567890 , "2":-0,"1":"\\u0041\\"}" , "a":[] }',
    );
    expect(memberText(text, 'n')).toBe('12345678901234567890');
    expect([...membersOf(text).keys()]).toEqual(['b', 'n', '2', '1', 'a']);
  });

  it.each([
    ['{}', { a: '1' }, '{"a":1}'],
    ['{"a":1}', { a: undefined }, '{}'],
    ['{"a":1,"b":2}', { a: undefined }, '{"b":2}'],
    ['{"a":1,"b":2}', { b: undefined }, '{"a":1}'],
    ['{"a":1,"b":2,"c":3}', { b: undefined, c: '4' }, '{"a":1,"c":4}'],
    ['{"a":1}', { a: undefined, b: '2' }, '{"b":2}'],
    ['{"a":null}', { missing: undefined }, '{"a":null}'],
    ['{"a":1,"b":2,"c":3}', { b: undefined, c: undefined }, '{"a":1}'],
    ['{ "a" : 1 , "b" : 2 , "c" : 3 }', { a: undefined, b: undefined }, '{ "c" : 3 }'],
    ['{"a":1,"b":2}', { a: undefined, b: undefined, c: '3' }, '{"c":3}'],
  ])('%s with %j is %s', (text, changes, expected) => {
    expect(withMembers(text, changes)).toBe(expected);
  });

  it('finds elements, also of what is nested', () => {
    const text = '[ 1 , "a,]" , [2,[3]] , {"x":"]"} , null]';
    const found = elementsOf(text).map(({ start, end }) => text.slice(start, end));
    expect(found).toEqual(['1', '"a,]"', '[2,[3]]', '{"x":"]"}', 'null']);
    expect(elementsOf('[]')).toEqual([]);
  });

  it('replaces spans in any order', () => {
    const edits = [
      { start: 4, end: 5, text: 'Z' },
      { start: 0, end: 2, text: 'yy' },
    ];
    expect(replaceSpans('abcde', edits)).toBe('yycdZ');
  });

  it('agrees with JSON.parse about any object, and with what it was told to change', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 });
    const values = fc.tuple(object, fc.string(), fc.option(fc.jsonValue(), { nil: undefined }), fc.nat(3));
    fc.assert(
      fc.property(values, ([whole, name, value, indent]) => {
        if (name === '__proto__' || Object.keys(whole).includes('__proto__')) return;
        const text = JSON.stringify(whole, null, indent);
        const changed = withMembers(text, {
          [name]: value === undefined ? undefined : JSON.stringify(value),
        });
        const expected: Record<string, unknown> = { ...(JSON.parse(text) as object) };
        if (value === undefined) delete expected[name];
        else expected[name] = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(changed)).toEqual(expected);
      }),
    );
  });
});

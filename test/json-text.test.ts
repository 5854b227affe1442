import { describe, expect, test } from 'vitest';
import { isObject, type JsonFault, MAX_DEPTH, parseJsonText } from '../src/json-text';

const faultOf = (text: string) => {
  const parsed = parseJsonText(text);
  return parsed.ok ? undefined : parsed.error.reason;
};
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('a text that two readers could read differently is refused', () => {
  test.each<[string, JsonFault]>([
    ['\uFEFF{}', 'byte_order_mark'],
    ['', 'not_json'],
    ['\u00a0{}', 'not_json'],
    ['\f{}', 'not_json'],
    ['{}\u0000', 'not_json'],
    ['{} {}', 'not_json'],
    ['{},', 'not_json'],
    ["{'a':1}", 'not_json'],
    ['{"a":1,}', 'not_json'],
    ['/**/{}', 'not_json'],
    ['{"a":NaN}', 'not_json'],
    ['{"a":"\n"}', 'not_json'],
    ['{"a":1,"a":1}', 'repeated_member'],
    ['{"name":1,"na\\u006de":1}', 'repeated_member'],
    ['{"":1,"":2}', 'repeated_member'],
    ['{"__proto__":{"a":1},"__proto__":{"a":1}}', 'repeated_member'],
    ['[[[{"x":{"b":1,"a":[{"c":1,"c":2}]}}]]]', 'repeated_member'],
    ['{"\\ud800":1}', 'malformed_name'],
    ['{"a":{"b\\udc00":1}}', 'malformed_name'],
    [nested(MAX_DEPTH + 1), 'too_deep'],
    [`{"a":${'{"a":'.repeat(MAX_DEPTH)}1${'}'.repeat(MAX_DEPTH)}}`, 'too_deep'],
  ])('%j: %s', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });
});

test.each([
  ['{"a":"\\"b\\":1,\\"b\\":2 [[{{:"}', { a: '"b":1,"b":2 [[{{:' }],
  ['{"a\\\\":1,"a\\\\\\"":{"a\\\\":2}}', { 'a\\': 1, 'a\\"': { 'a\\': 2 } }],
  [' \t\r\n{"a" : [1.5, true, null] } \n', { a: [1.5, true, null] }],
  ['"\\ud800"', '\ud800'],
  [nested(MAX_DEPTH), JSON.parse(nested(MAX_DEPTH))],
  ['{"constructor":1,"toString":{"a":1}}', { constructor: 1, toString: { a: 1 } }],
])('one that can be read in one way only is: %j', (text, value) => {
  expect(parseJsonText(text)).toEqual({ ok: true, value });
});

test('an object is one with members', () => {
  expect([{}, { a: 1 }, [], null, 'a', undefined].map(isObject)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

/*
 * What no real client sends. Values are given as they stand in a query or form, percent-encoded, so that
 * also what no encoder would write can be sent.
 */

/** Stands in every value; were a value put into HTML as it is, this would be found there. */
export const MARKER = '<zq';

const enc = encodeURIComponent;
const marked = (text: string) => enc(`${text}${MARKER}`);

/** Values for one parameter: name, encoded value. */
export const VALUES: readonly (readonly [name: string, encoded: string])[] = [
  ['spaces', '%20%20'],
  ['a number', '0'],
  ['true', 'true'],
  ['null', 'null'],
  ['JSON', marked('{"a":[1]}')],
  ['NUL', marked('a\0b')],
  ['only NUL', '%00'],
  ['a newline', marked('a\r\nSet-Cookie: x=y\r\n')],
  ['an emoji', marked('🦊')],
  ['a lone surrogate', `%ED%A0%80${marked('')}`],
  ['bytes that are no UTF-8', `%FF%FE${marked('')}`],
  ['a broken escape', `%zz%${MARKER.replace('<', '%3C')}`],
  ['a right-to-left override', marked('\u202Eabc\u2066')],
  ['markup', enc(`"'><script>alert(1)</script>${MARKER} onload=x`)],
  ['an address elsewhere', enc('https://evil.example/?x=<zq')],
  ['an address elsewhere without a scheme', enc('//evil.example/<zq')],
  ['a script', enc('javascript:alert(1)//<zq')],
  ['a path', marked('../../oauth/token')],
  ['a property of every object', '__proto__'],
  ['a method of every object', 'constructor'],
  ['SQL', marked("' OR 1=1 --")],
  ['2,001 characters', 'a'.repeat(2001)],
];

/** What a wrong shape comes down to: the parameter is not there, there more than once, or too long. */
export type Kind = 'absent' | 'twice' | 'long' | 'strange';

/** Ways in which a parameter itself can be wrong; `value` is a right one, encoded. */
const SHAPES: readonly [what: string, kind: Kind, write: (name: string, value: string) => string][] = [
  ['missing', 'absent', () => ''],
  ['empty', 'absent', (name) => `${name}=`],
  ['without a sign of equality', 'absent', (name) => name],
  ['an array', 'absent', (name, value) => `${name}[]=${value}`],
  ['a numbered array', 'absent', (name, value) => `${name}[0]=${value}`],
  ['an object', 'absent', (name, value) => `${name}[a]=${value}`],
  ['in another case', 'absent', (name, value) => `${name.toUpperCase()}=${value}`],
  ['there twice', 'twice', (name, value) => `${name}=${value}&${name}=${value}`],
  ['there twice, differently', 'twice', (name, value) => `${name}=${value}&${name}=${enc('evil<zq')}`],
  ['there twice, once empty', 'twice', (name, value) => `${name}=&${name}=${value}`],
  ['100 kB long', 'long', (name) => `${name}=${'a'.repeat(100_000)}`],
];

/** All cases for one parameter: what is wrong, what that comes down to, and the encoded text in its place. */
export function casesFor(name: string, value: string): [what: string, kind: Kind, text: string][] {
  return [
    ...SHAPES.map(([what, kind, write]): [string, Kind, string] => [what, kind, write(name, enc(value))]),
    ...VALUES.map(([what, encoded]): [string, Kind, string] => [what, 'strange', `${name}=${encoded}`]),
  ];
}

/** A query or form from right parameters (encoded here), with one of them in another text. */
export function withOne(right: Record<string, string>, name: string, text: string): string {
  const others = Object.entries(right).filter(([key]) => key !== name);
  return [...others.map(([key, value]) => `${key}=${enc(value)}`), text].filter(Boolean).join('&');
}

import { expect, test } from 'vitest';
import { measure } from '../../scripts/lib/figures';

/** What one figure found in these files of `src`, without the paths' common part. */
function foundIn(name: string, files: Record<string, string>): string[] {
  const source = new Map(Object.entries(files).map(([file, text]) => [`src/${file}`, text]));
  const figure = measure(source, source).find((one) => one.name.trim() === name);
  if (!figure) throw new Error(`there is no figure "${name}"`);
  expect(figure.value).toBe(`${figure.found.length}`);
  return figure.found;
}

test('an exported name counts when two files declare it, not when one exports it again', () => {
  const files = {
    'a.ts': 'export const x = 1;',
    'b.ts': 'export type x = 2;',
    'index.ts': "export * from './a';",
  };
  expect(foundIn('exported names declared in two files or more', files)).toEqual(['x: src/a.ts, src/b.ts']);
});

test('a function counts with five parameters, not with four', () => {
  const a = 'function five(a, b, c, d, e) {}\nfunction four(a, b, c, d) {}';
  expect(foundIn('functions with five parameters or more', { 'a.ts': a })).toEqual(['src/a.ts:1 (5)']);
});

test('folders count when each imports the other', () => {
  const files = {
    'one/a.ts': "import '../two/b';",
    'two/b.ts': "import '../one/c';\nimport '../three/d';",
    'one/c.ts': '',
    'three/d.ts': '',
  };
  expect(foundIn('folder cycles (pairs that import each other)', files)).toEqual(['src/one and src/two']);
});

test('only a WeakMap of a module counts, not that of an object', () => {
  const a = 'const cache = new WeakMap();\nclass A { cache = new WeakMap(); }';
  expect(foundIn('WeakMaps at module level', { 'a.ts': a })).toEqual(['src/a.ts:1']);
});

test('a throw counts, unless it throws again what its own catch clause caught', () => {
  const a = `
    function one() { throw new Error('no'); }
    function two() { try { one(); } catch (error) { throw error; } }
    function three() { try { one(); } catch (error) { throw new Error('other', { cause: error }); } }`;
  expect(foundIn('throws, without rethrown errors', { 'a.ts': a })).toEqual(['src/a.ts:2', 'src/a.ts:4']);
});

test('a return type counts when it has a Response and something else', () => {
  const a = `
    async function one(): Promise<Response | undefined> { return; }
    const two = (): string | Response => '';
    function three(): Response | Promise<Response> { return new Response(); }
    function four(): Promise<{ answer: Response | undefined }> { return one(); }`;
  expect(foundIn('return types with Response or something else', { 'a.ts': a })).toEqual([
    'src/a.ts:2 one: Response | undefined',
    'src/a.ts:3 two: string | Response',
  ]);
});

test('a check counts when it may return undefined; other functions don’t', () => {
  const a = `
    export function checkName(name: string): string | undefined { return name; }
    const refuseAll = (): Refusal | undefined => undefined;
    function findName(): string | undefined { return undefined; }
    function checkAge(): Result<{ age: number | undefined }> { return { ok: true }; }`;
  expect(foundIn('checks that may return undefined', { 'a.ts': a })).toEqual([
    'src/a.ts:2 checkName: string | undefined',
    'src/a.ts:3 refuseAll: Refusal | undefined',
  ]);
});

test('odd words count in any case and across a space, odd names only as identifiers', () => {
  const a =
    '/** Anew, whoever asks. Terms and Places. */\nconst Desk = "Site, by choice";\nclass A { #where = 1; where = 2; }';
  const file = { 'a.ts': a };
  const words = foundIn('odd words in src, docs, and README', file);
  expect(words).toEqual(['src/a.ts:1 anew', 'src/a.ts:1 whoever', 'src/a.ts:2 by choice']);
  expect(foundIn('odd names', file)).toEqual(['src/a.ts:2 Desk', 'src/a.ts:3 #where']);
});

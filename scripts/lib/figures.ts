import { dirname, join } from 'node:path';
import { parseSync } from 'vite';
import { isOddName, oddWordsIn } from './odd-words.ts';

/** One figure: what it counts, the number, and where each of what it counted is. */
export interface Figure {
  name: string;
  value: string;
  found: string[];
}

interface Node {
  type: string;
  start: number;
  [key: string]: unknown;
}

interface Parsed {
  file: string;
  text: string;
  program: Node;
  comments: { start: number; end: number }[];
}

/**
 * Measures source files.
 *
 * @param source files of `src` by path: what is parsed
 * @param prose the same and the documentation: where words are counted
 * @throws when a source file can't be parsed
 */
export function measure(source: ReadonlyMap<string, string>, prose: ReadonlyMap<string, string>): Figure[] {
  const parsed = [...source].map(([file, text]) => parse(file, text));
  return [
    ...sizes(source),
    comments(parsed),
    count('exported names declared in two files or more', repeatedExports(parsed)),
    count('functions with five parameters or more', longParameterLists(parsed)),
    count('folder cycles (pairs that import each other)', folderPairs(parsed)),
    count('WeakMaps at module level', moduleWeakMaps(parsed)),
    ...waysToRefuse(parsed),
    count('odd names', oddNames(parsed)),
    count('odd words in src, docs, and README', oddWords(prose)),
  ];
}

function parse(file: string, text: string): Parsed {
  const { program, comments: found, errors } = parseSync(file, text);
  if (errors[0]) throw new Error(`${file} can't be parsed: ${errors[0].message}`);
  return { file, text, program: program as unknown as Node, comments: found };
}

function count(name: string, found: string[]): Figure {
  return { name, value: `${found.length}`, found };
}

function sizes(source: ReadonlyMap<string, string>): Figure[] {
  const lines = [...source]
    .map(([file, text]) => ({ file, lines: text.split('\n').length - 1 }))
    .sort((a, b) => a.lines - b.lines);
  const large = lines.filter((one) => one.lines > 300).map((one) => `${one.file} ${one.lines}`);
  const largest = lines.at(-1);
  return [
    { name: 'files', value: `${lines.length}`, found: [] },
    { name: 'lines, median file', value: `${lines[Math.floor(lines.length / 2)]?.lines ?? 0}`, found: [] },
    { name: 'lines, largest file', value: `${largest?.lines ?? 0}`, found: [largest?.file ?? ''] },
    count('files over 300 lines', large),
  ];
}

/** Lines that a comment touches, of all that aren't blank. */
function comments(parsed: Parsed[]): Figure {
  let [commented, all] = [0, 0];
  for (const { text, comments: found } of parsed) {
    all += text.split('\n').filter((line) => line.trim() !== '').length;
    const lines = new Set<number>();
    for (const { start, end } of found) {
      for (let line = lineOf(text, start); line <= lineOf(text, end); line++) lines.add(line);
    }
    commented += lines.size;
  }
  return { name: 'lines with a comment', value: `${((100 * commented) / all).toFixed(1)} %`, found: [] };
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function repeatedExports(parsed: Parsed[]): string[] {
  const files = new Map<string, Set<string>>();
  for (const { file, program } of parsed) {
    for (const name of exportedNames(program)) files.set(name, (files.get(name) ?? new Set()).add(file));
  }
  const repeated = [...files].filter(([, where]) => where.size > 1);
  return repeated.map(([name, where]) => `${name}: ${[...where].join(', ')}`).sort();
}

/** Names that a file declares and exports; re-exports are the same thing under the same name. */
function exportedNames(program: Node): string[] {
  const body = program.body as Node[];
  return body
    .filter(({ type }) => type === 'ExportNamedDeclaration')
    .map(({ declaration }) => declaration as Node | null)
    .flatMap((declaration) => {
      const id = declaration?.id as { name?: string } | undefined;
      const declared = (declaration?.declarations ?? []) as { id: { name?: string } }[];
      return [id?.name, ...declared.map((one) => one.id.name)].filter((name) => name !== undefined);
    });
}

function longParameterLists(parsed: Parsed[]): string[] {
  return parsed.flatMap(({ file, text, program }) =>
    nodes(program)
      .filter(({ params, body }) => Array.isArray(params) && params.length >= 5 && body !== undefined)
      .map(({ start, params }) => `${file}:${lineOf(text, start)} (${(params as unknown[]).length})`),
  );
}

/** Folders below `src`, by what their files import, in both directions. */
function folderPairs(parsed: Parsed[]): string[] {
  const edges = new Set<string>();
  for (const { file, program } of parsed) {
    for (const { source } of nodes(program)) {
      const specifier = (source as { value?: unknown } | null | undefined)?.value;
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) continue;
      const from = dirname(file);
      const to = folderOf(join(from, specifier), parsed);
      if (from !== to && from !== 'src' && to !== 'src') edges.add(`${from} ${to}`);
    }
  }
  return [...edges]
    .map((edge) => edge.split(' ') as [string, string])
    .filter(([from, to]) => from < to && edges.has(`${to} ${from}`))
    .map(([from, to]) => `${from} and ${to}`);
}

function folderOf(path: string, parsed: Parsed[]): string {
  return parsed.some(({ file }) => file === `${path}/index.ts`) ? path : dirname(path);
}

function moduleWeakMaps(parsed: Parsed[]): string[] {
  return parsed.flatMap(({ file, text, program }) =>
    (program.body as Node[])
      .filter(({ type }) => type === 'VariableDeclaration')
      .filter(({ start, end }) => /new WeakMap\b/.test(text.slice(start, end as number)))
      .map(({ start }) => `${file}:${lineOf(text, start)}`),
  );
}

/**
 * Ways to say no other than `Result` (src/result.ts), by form: thrown errors, `Response | …`, and checks that answer
 * undefined. The first figure is their sum.
 */
function waysToRefuse(parsed: Parsed[]): Figure[] {
  const forms = [
    count('  throws, without rethrown errors', throws(parsed)),
    count('  return types with Response or something else', mixedResponses(parsed)),
    count('  checks that may return undefined', undefinedChecks(parsed)),
  ];
  const all = forms.reduce((sum, { found }) => sum + found.length, 0);
  return [{ name: 'ways to refuse without a Result', value: `${all}`, found: [] }, ...forms];
}

/** `throw` statements, except `throw error` of a caught error: that one was counted where it came from. */
function throws(parsed: Parsed[]): string[] {
  return parsed.flatMap(({ file, text, program }) => {
    const caught = nodes(program)
      .filter(({ type }) => type === 'CatchClause')
      .map(({ param, start, end }) => ({ name: nameOf(param), start, end: end as number }));
    return nodes(program)
      .filter(({ type }) => type === 'ThrowStatement')
      .filter(({ argument, start }) => {
        const name = nameOf(argument);
        return !caught.some((one) => one.name === name && one.start < start && start < one.end);
      })
      .map(({ start }) => `${file}:${lineOf(text, start)}`);
  });
}

function nameOf(node: unknown): string | undefined {
  const { type, name } = (node ?? {}) as { type?: string; name?: string };
  return type === 'Identifier' ? name : undefined;
}

/** Return types such as `Response | string`: a caller has to find out what it got. */
function mixedResponses(parsed: Parsed[]): string[] {
  return returnTypes(parsed)
    .filter(({ members }) => members.includes('Response') && members.some((member) => member !== 'Response'))
    .map(({ at, name, members }) => `${at} ${name}: ${members.join(' | ')}`);
}

/** Functions whose name says that they check something. */
const CHECK = /^(?:admit|authorize|check|ensure|guard|must|refuse|require|verify|why)/;

/** Checks whose declared type includes undefined, which then means "go on", or "no"; not those with a Response, too. */
function undefinedChecks(parsed: Parsed[]): string[] {
  return returnTypes(parsed)
    .filter(({ name }) => CHECK.test(name))
    .filter(({ members }) => members.length > 1 && members.includes('undefined'))
    .filter(({ members }) => !members.includes('Response'))
    .map(({ at, name, members }) => `${at} ${name}: ${members.join(' | ')}`);
}

interface ReturnType {
  at: string;
  /** The function's; empty without one. */
  name: string;
  /** The members of the declared type, if it is a union, without a promise around them. */
  members: string[];
}

/** The declared return types of functions and methods. */
function returnTypes(parsed: Parsed[]): ReturnType[] {
  return parsed.flatMap(({ file, text, program }) => {
    const names = functionNames(program);
    return nodes(program)
      .filter(({ returnType, type }) => returnType && type !== 'TSFunctionType')
      .map((node) => {
        const { start, typeAnnotation } = node.returnType as Node;
        const members = unionMembers(typeAnnotation as Node, text);
        return { at: `${file}:${lineOf(text, start)}`, name: names.get(node.start) ?? '', members };
      });
  });
}

/** The names of functions by where these start: of declarations, variables, methods, and properties. */
function functionNames(program: Node): Map<number, string> {
  const names = new Map<number, string>();
  for (const node of nodes(program)) {
    const named = (node.id ?? node.key) as { name?: string } | null | undefined;
    const target = (node.init ?? node.value ?? node) as Node;
    if (named?.name !== undefined) names.set(target.start, named.name);
  }
  return names;
}

/** The members of a union, inside a promise too; of any other type, the type itself. */
function unionMembers(type: Node, text: string): string[] {
  if (type.type === 'TSUnionType') return (type.types as Node[]).flatMap((one) => unionMembers(one, text));
  const name = (type.typeName as { name?: string } | undefined)?.name;
  const [argument] = (type.typeArguments as { params?: Node[] } | null | undefined)?.params ?? [];
  if (name === 'Promise' && argument) return unionMembers(argument, text);
  return [text.slice(type.start, type.end as number)];
}

function oddNames(parsed: Parsed[]): string[] {
  return parsed.flatMap(({ file, text, program }) =>
    nodes(program)
      .filter(({ type }) => type === 'Identifier' || type === 'PrivateIdentifier')
      .map(({ type, name, start }) => ({ start, name: `${type === 'Identifier' ? '' : '#'}${name}` }))
      .filter(({ name }) => isOddName(name))
      .map(({ name, start }) => `${file}:${lineOf(text, start)} ${name}`),
  );
}

function oddWords(prose: ReadonlyMap<string, string>): string[] {
  return [...prose].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, index) => oddWordsIn(line).map((word) => `${file}:${index + 1} ${word}`)),
  );
}

/** Every node below one, in the order of the text. */
function nodes(root: Node): Node[] {
  const found: Node[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('type' in value && 'start' in value) found.push(value as Node);
    for (const child of Object.values(value)) visit(child);
  };
  visit(root);
  return found;
}

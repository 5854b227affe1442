import { dirname, join } from 'node:path';
import { parseSync } from 'vite';

/** One figure: what it counts, the number, and where each of what it counted is. */
export interface Figure {
  name: string;
  value: string;
  found: string[];
}

/** Words that the field does not use, or not in this sense. Whole words, in code, comments and pages. */
const ODD_WORDS =
  /\b(?:anew|lest|whoever|thereby|mends?|mended|told|beside|save for|by choice|of its own accord|is to be had|room|rooms|kernel|face of|siteOf|Site|Work|Place|Desk|Belongings?|Elsewhere|Moves|lookAfter|Passage|Behind|Greeting|presentAsLasting|Presentation|Terms|Ears|NOBODY|whoDecides|mustComeFromUs)\b/g;

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
    count('pairs of folders that import each other', folderPairs(parsed)),
    count('WeakMaps at module level', moduleWeakMaps(parsed)),
    count('`throw` statements', throws(parsed)),
    count('return types of Response or something else', mixedResponses(parsed)),
    count('odd words in src, docs and README', oddWords(prose)),
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

function throws(parsed: Parsed[]): string[] {
  return parsed.flatMap(({ file, text, program }) =>
    nodes(program)
      .filter(({ type }) => type === 'ThrowStatement')
      .map(({ start }) => `${file}:${lineOf(text, start)}`),
  );
}

/** `Response | …`: a caller has to ask what it got. */
function mixedResponses(parsed: Parsed[]): string[] {
  return parsed.flatMap(({ file, text, program }) =>
    nodes(program)
      .filter(({ returnType, type }) => returnType && type !== 'TSFunctionType')
      .map(({ returnType }) => returnType as Node)
      .filter(({ start, end }) => /\bResponse \||\| Response\b/.test(text.slice(start, end as number)))
      .map(({ start, end }) => `${file}:${lineOf(text, start)}${text.slice(start, end as number)}`),
  );
}

function oddWords(prose: ReadonlyMap<string, string>): string[] {
  return [...prose].flatMap(([file, text]) => {
    const found = [...text.matchAll(ODD_WORDS)].map(([word]) => word);
    return found.map((word) => `${file}: ${word}`);
  });
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

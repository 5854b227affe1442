import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'vite';

/** The rooms of `src`, from the top down: each imports only from those below it, and from the kernel. */
const ROOMS = [
  'admin',
  'gateway',
  'authorization',
  'connections',
  'sign-in',
  'account',
  'flow',
  'limits',
  'servers',
  'audit',
  'ui',
];
/** The files that put the rooms together: they import everything, nothing imports them. */
const ENTRIES = ['index.ts', 'app.ts'];
/** What only one file may import, so that the rest doesn't come to depend on it. */
const WRAPPED = '@cloudflare/workers-oauth-provider';

interface Import {
  from: string;
  specifier: string;
  /** The file that it means, for one that begins with a dot; undefined when there is none. */
  to: string | undefined;
}

/**
 * Reads every file below `src` and returns a sentence for each import that breaks the rules: one way
 * (room to lower room, by its face; kernel to kernel), never in a circle, one file around the OAuth
 * library. Declaration files are not looked at, and types count as much as values.
 */
export function findViolations(src: string): string[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .sort();
  const imports = files.flatMap((file) => readImports(src, file, new Set(files)));
  return [
    ...unknownRooms(files),
    ...imports.flatMap((one) => violation(one) ?? []),
    ...findCircles(imports),
    ...wrappedTwice(imports),
  ];
}

/** Static, dynamic, type-only imports, re-exports and `import('…')` types: what has a source in the tree. */
function readImports(src: string, file: string, files: ReadonlySet<string>): Import[] {
  const { program, errors } = parseSync(file, readFileSync(join(src, file), 'utf8'));
  if (errors[0]) throw new Error(`src/${file} can't be parsed: ${errors[0].message}`);
  const specifiers = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const source = 'source' in node ? (node.source as { value?: unknown } | null) : undefined;
    if (typeof source?.value === 'string') specifiers.add(source.value);
    for (const child of Object.values(node)) visit(child);
  };
  visit(program);
  return [...specifiers].map((specifier) => ({ from: file, specifier, to: resolve(file, specifier, files) }));
}

function resolve(from: string, specifier: string, files: ReadonlySet<string>): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = join(dirname(from), specifier).replaceAll('\\', '/').replace(/\/$/, '');
  const inside = path === '.' ? '' : `${path}/`;
  return [path, `${path}.ts`, `${path}.tsx`, `${inside}index.ts`, `${inside}index.tsx`].find((file) =>
    files.has(file),
  );
}

/** The room of a file; `''` for the files directly in `src`. */
function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
}

function unknownRooms(files: readonly string[]): string[] {
  const unknown = new Set(files.map(roomOf).filter((room) => room !== '' && !ROOMS.includes(room)));
  return [...unknown].map(
    (room) => `src/${room} is no room that the check knows: give it its place in the order.`,
  );
}

function violation({ from, specifier, to }: Import): string | undefined {
  if (!specifier.startsWith('.') || ENTRIES.includes(from)) return undefined;
  const says = `src/${from} imports ${specifier}`;
  if (to === undefined) return `${says}, which is no file of src.`;
  if (ENTRIES.includes(to)) return `${says}: nothing imports src/${to}, which puts everything together.`;
  const [here, there] = [roomOf(from), roomOf(to)];
  if (here === there || there === '') return undefined;
  if (here === '') return `${says}: the kernel imports only the kernel.`;
  if (ROOMS.indexOf(there) < ROOMS.indexOf(here)) {
    return `${says}: ${there} stands above ${here}; let src/index.ts hand in what is needed.`;
  }
  const face = relative(dirname(from), there).replaceAll('\\', '/');
  return specifier === face ? undefined : `${says}: another room is imported by its face, '${face}'.`;
}

/** One sentence for each circle, told from its first file in the order of the alphabet. */
function findCircles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) {
    if (to !== undefined) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const circles = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      circles.add(tellCircle(path.slice(at)));
      return;
    }
    if (done.has(file)) return;
    for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return [...circles];
}

function tellCircle(files: readonly string[]): string {
  const first = files.indexOf([...files].sort()[0] ?? '');
  const turned = [...files.slice(first), ...files.slice(0, first)];
  return `${[...turned, turned[0]].map((file) => `src/${file}`).join(' → ')} is a circle.`;
}

function wrappedTwice(imports: readonly Import[]): string[] {
  const users = imports
    .filter(({ specifier }) => specifier === WRAPPED || specifier.startsWith(`${WRAPPED}/`))
    .map(({ from }) => `src/${from}`);
  return new Set(users).size > 1
    ? [`${WRAPPED} is imported by ${[...new Set(users)].join(' and ')}: only one file may.`]
    : [];
}

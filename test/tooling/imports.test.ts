import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findViolations } from '../../scripts/lib/imports';

let src: string;

beforeEach(() => {
  src = mkdtempSync(join(tmpdir(), 'imports-'));
});
afterEach(() => rmSync(src, { recursive: true }));

function check(files: Record<string, string>): string[] {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(src, file)), { recursive: true });
    writeFileSync(join(src, file), text);
  }
  return findViolations(src);
}

const UI = { 'ui/index.ts': 'export const a = 1;', 'ui/layout.tsx': 'export const b = <p />;' };

describe('imports that the check lets pass', () => {
  it('a room may use a lower room by its face, its own files and the kernel', () => {
    const tree = {
      ...UI,
      'result.ts': 'export const ok = 1;',
      'flow/index.ts': "import { step } from './step'; import { a } from '../ui'; export { step, a };",
      'flow/step.ts': "import { ok } from '../result'; export const step = ok;",
    };
    expect(check(tree)).toEqual([]);
  });

  it('the entries import what they like, and declarations may name the entry', () => {
    const tree = {
      ...UI,
      'index.ts': "import { b } from './ui/layout'; export { app } from './app'; export { b };",
      'app.ts': "import '@cloudflare/workers-oauth-provider'; export const app = 1;",
      'env.d.ts': "type A = import('./index').A;",
    };
    expect(check(tree)).toEqual([]);
  });

  it('words in comments, strings and JSX are no imports', () => {
    const text = `// import '../gateway';\nexport const a = <p>import x from '../gateway'</p>;\nexport const b = "export * from './none'";`;
    expect(check({ 'ui/index.tsx': text })).toEqual([]);
  });
});

describe('imports that the check refuses', () => {
  it.each([
    ['a value', "import { g } from '../gateway';"],
    ['a type', "import type { G } from '../gateway';"],
    ['an export', "export * from '../gateway';"],
    ['a dynamic import', "export const g = await import('../gateway');"],
    ['an import type', "export type G = import('../gateway').G;"],
  ])('a lower room may not take %s from a higher one', (_, text) => {
    const found = check({ 'gateway/index.ts': 'export const g = 1;', 'account/a.ts': text });
    expect(found).toEqual([
      'src/account/a.ts imports ../gateway: gateway stands above account; let src/index.ts hand in what is needed.',
    ]);
  });

  it.each(['../ui/layout', '../ui/index', '../ui/'])('another room may not be entered as %s', (specifier) => {
    expect(check({ ...UI, 'flow/a.ts': `import '${specifier}';` })).toEqual([
      `src/flow/a.ts imports ${specifier}: another room is imported by its face, '../ui'.`,
    ]);
  });

  it('the kernel may not know a room', () => {
    expect(check({ ...UI, 'result.ts': "import { a } from './ui';" })).toEqual([
      'src/result.ts imports ./ui: the kernel imports only the kernel.',
    ]);
  });

  it('nothing may import what puts everything together', () => {
    const tree = { 'index.ts': 'export const e = 1;', 'ui/a.ts': "import { e } from '../index';" };
    expect(check(tree)).toEqual([
      'src/ui/a.ts imports ../index: nothing imports src/index.ts, which puts everything together.',
    ]);
  });

  it('a circle inside a room is told once, with its whole way', () => {
    const tree = {
      'flow/a.ts': "import './b';",
      'flow/b.ts': "import './c';",
      'flow/c.ts': "import type { A } from './a';",
    };
    expect(check(tree)).toEqual([
      'src/flow/a.ts → src/flow/b.ts → src/flow/c.ts → src/flow/a.ts is a circle.',
    ]);
  });

  it('a circle in the kernel is found as well', () => {
    expect(check({ 'a.ts': "import './b';", 'b.ts': "import './a';" })).toEqual([
      'src/a.ts → src/b.ts → src/a.ts is a circle.',
    ]);
  });

  it('two files may not both use the OAuth library', () => {
    const text = "import type { A } from '@cloudflare/workers-oauth-provider';";
    expect(check({ 'account/a.ts': text, 'authorization/b.ts': text })).toEqual([
      '@cloudflare/workers-oauth-provider is imported by src/account/a.ts and src/authorization/b.ts: only one file may.',
    ]);
  });

  it('a folder that has no place in the order, and a file that is not there, are told', () => {
    expect(check({ 'utils/a.ts': '', 'ui/b.ts': "import './gone';" })).toEqual([
      'src/utils is no room that the check knows: give it its place in the order.',
      'src/ui/b.ts imports ./gone, which is no file of src.',
    ]);
  });

  it('the command ends with 1, so that CI stops', () => {
    check({ 'a.ts': "import './b';", 'b.ts': "import './a';" });
    const run = spawnSync(process.execPath, ['scripts/check-imports.ts', src], { encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('is a circle');
  });
});

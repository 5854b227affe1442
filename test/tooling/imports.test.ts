import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'imports-'));
});
afterEach(() => rmSync(tree, { recursive: true }));

/** Checks files below `src` as `npm run check` does: its exit code, and the rules they break, each with the import. */
function check(files: Record<string, string>): { status: number | null; broken: string[] } {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, 'src', file)), { recursive: true });
    writeFileSync(join(tree, 'src', file), text);
  }
  const cruiser = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const config = join(ROOT, '.dependency-cruiser.cjs');
  const args = [cruiser, '--config', config, 'src'];
  const { status } = spawnSync(process.execPath, args, { cwd: tree });
  const listed = spawnSync(process.execPath, [...args, '--output-type', 'json'], {
    cwd: tree,
    encoding: 'utf8',
  });
  const { violations } = JSON.parse(listed.stdout).summary as {
    violations: { from: string; to: string; rule: { name: string } }[];
  };
  return {
    status,
    broken: violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
  };
}

const UI = { 'ui/index.ts': 'export const a = 1;', 'ui/layout.tsx': 'export const b = <p />;' };

describe('imports that the check allows', () => {
  it('a lower layer by its index, own files, shared files, and what the entries import', () => {
    const { status, broken } = check({
      ...UI,
      'result.ts': 'export const ok = 1;',
      'flow/index.ts': "export { step } from './step';",
      'flow/step.ts':
        "import { ok } from '../result'; import { a } from '../ui'; export const step = ok + a;",
      'index.ts': "export { app } from './app';",
      'app.ts': "import { step } from './flow'; export const app = step;",
      'env.d.ts': "type A = import('./index').A;",
      'ui/text.tsx': `// import '../gateway';\nexport const c = <p>import x from '../gateway'</p>;`,
    });
    expect(broken).toEqual([]);
    expect(status).toBe(0);
  });
});

describe('imports that the check refuses', () => {
  it('whatever a lower layer takes from a higher one', () => {
    const { status, broken } = check({
      'gateway/index.ts': 'export const g = 1;',
      'account/value.ts': "import { g } from '../gateway'; export const x = g;",
      'account/type.ts': "import type { G } from '../gateway'; export type X = G;",
      'account/export.ts': "export * from '../gateway';",
      'account/dynamic.ts': "export const g = await import('../gateway');",
    });
    expect(broken.filter((one) => one.startsWith('account-imports-upwards')).sort()).toEqual([
      'account-imports-upwards: src/account/dynamic.ts → src/gateway/index.ts',
      'account-imports-upwards: src/account/export.ts → src/gateway/index.ts',
      'account-imports-upwards: src/account/type.ts → src/gateway/index.ts',
      'account-imports-upwards: src/account/value.ts → src/gateway/index.ts',
    ]);
    expect(status).toBeGreaterThan(0);
  });

  it('another layer by a file that is not its index, a layer by a shared file, an entry by anybody', () => {
    const { broken } = check({
      ...UI,
      'app.ts': 'export const app = 1;',
      'flow/a.ts': "import { b } from '../ui/layout'; export const x = b;",
      'result.ts': "import { a } from './ui'; export const y = a;",
      'ui/c.ts': "import { app } from '../app'; export const z = app;",
    });
    expect(broken).toEqual(
      expect.arrayContaining([
        'layer-by-its-index: src/flow/a.ts → src/ui/layout.tsx',
        'shared-imports-layer: src/result.ts → src/ui/index.ts',
        'imports-an-entry: src/ui/c.ts → src/app.ts',
      ]),
    );
  });

  it('circles of files and of folders, of types too', () => {
    const { broken } = check({
      'flow/a.ts': "import './b'; export type A = 1;",
      'flow/b.ts': "import './c';",
      'flow/c.ts': "import type { A } from './a'; export type C = A;",
      'account/grants/a.ts': "import { b } from '../keys/b'; export const a = b;",
      'account/grants/c.ts': 'export const c = 1;',
      'account/keys/b.ts': 'export const b = 1;',
      'account/keys/d.ts': "import { c } from '../grants/c'; export const d = c;",
    });
    expect(broken.filter((one) => one.startsWith('no-circular-files')).length).toBeGreaterThan(0);
    expect(broken).toContain('no-circular-folders: src/account/grants → src/account/keys');
  });

  it('a second user of the OAuth library, a layer nobody knows, a file that is not there, pages in the account', () => {
    const { broken } = check({
      ...UI,
      'account/a.ts': "import { x } from '@cloudflare/workers-oauth-provider'; export const y = x;",
      'account/b.ts': "import { a } from '../ui'; export const z = a;",
      'account/c.ts': "import { Hono } from 'hono'; export const h = Hono;",
      'utils/a.ts': 'export const u = 1;',
      'flow/b.ts': "import { u } from '../utils/a'; import './gone'; export const v = u;",
    });
    const rules = new Set(broken.map((one) => one.slice(0, one.indexOf(':'))));
    expect([...rules]).toEqual(
      expect.arrayContaining(['oauth-library-once', 'unknown-layer', 'not-found', 'account-without-http']),
    );
    expect(broken).toContain('account-without-http: src/account/c.ts → hono');
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/lib/wrangler';

const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| **'));

/** The paths that a cell names, such as `flow/pool.ts`. */
function pathsIn(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([\w./-]+\.(?:tsx?|toml))`/g)].map(([, path]) => path ?? '');
}

describe('each attack of docs/security.md', () => {
  test.each(rows)('names files and tests that are there: %s', (row) => {
    const [, , files, tests, ...more] = row.slice(2, -2).split(' | ');
    expect(more).toEqual([]);
    const source = pathsIn(files);
    const missing = source.filter(
      (path) => !existsSync(join(ROOT, 'src', path)) && !existsSync(join(ROOT, path)),
    );
    expect([source.length > 0, missing]).toEqual([true, []]);
    const shown = pathsIn(tests);
    expect([shown.length > 0, shown.filter((path) => !existsSync(join(ROOT, 'test', path)))]).toEqual([
      true,
      [],
    ]);
  });
});

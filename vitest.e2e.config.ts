import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { patience } from './test/patience.ts';

/**
 * What is begun first: the longest, so that none of them is left for the end, and one after the other those that
 * use the same gate (`test/e2e/harness/shared.ts`). The rest follows in any order.
 */
const ORDER = [
  ...['merged-restart', 'restart', 'pages-in-use', 'pages-from-outside', 'conformance', 'settings', 'pages'],
  ...['clients', 'mcp-remote', 'merged-everything', 'stdio', 'servers-everything', 'servers-modern'],
  ...['servers-restart', 'connect-accounts', 'reload-and-back', 'lazy-connect', 'oidc', 'documents'],
  ...[
    'device',
    'deploy',
    'connections',
    'examples',
    'servers-streams',
    'orchard',
    'start',
    'keys',
    'merged-rights',
  ],
].map((name) => `${name}.test.ts`);

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = ORDER.indexOf(basename(moduleId));
      return at < 0 ? ORDER.length : at;
    };
    return [...files].sort((one, other) => rank(one) - rank(other));
  }
}

/** Tests from outside, in Node: a running `wrangler dev`, a browser, real clients; and those of `scripts/`. */
export default defineConfig({
  test: {
    ...patience,
    environment: 'node',
    include: ['test/e2e/**/*.test.ts', 'test/tooling/**/*.test.ts'],
    globalSetup: ['test/e2e/harness/setup.ts'],
    setupFiles: ['test/e2e/harness/worker.ts'],
    sequence: { sequencer: InOrder },
    // Files of one process share its gates and its browser.
    isolate: false,
    // A file at work keeps about one core busy, between its gate, its browser and its clients; while its gate
    // starts, one and a half. One file for each core leaves none idle for long: with more, the starts, which are
    // most of the work, only get in each other's way, and memory goes to gates that wait.
    maxWorkers: Math.max(2, availableParallelism()),
    silent: 'passed-only',
    reporters: ['default', ['json', { outputFile: 'coverage/tests-e2e.json' }]],
  },
});

import { defineConfig } from 'vitest/config';

/** Tests from outside, in Node: a running `wrangler dev`, a browser, real clients; and those of `scripts/`. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/e2e/**/*.test.ts', 'test/tooling/**/*.test.ts'],
    globalSetup: ['test/e2e/harness/setup.ts'],
    // A file has a gate (four processes) and often a browser: three files keep two cores busy, more starve them.
    maxWorkers: 3,
    hookTimeout: 60_000,
    testTimeout: 30_000,
    silent: 'passed-only',
    reporters: ['default', ['json', { outputFile: 'coverage/tests-e2e.json' }]],
  },
});

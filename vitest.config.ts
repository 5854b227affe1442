import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from 'wrangler';
import { patience } from './test/patience.ts';

/** Fixed, so that ids and sealed values are the same on every machine. They guard nothing. */
const TEST_KEYS = {
  '2026-11': Buffer.alloc(32, 'test master key ').toString('base64'),
  ids: Buffer.alloc(32, 'test ids key ').toString('base64'),
};

// The plugin, reading wrangler.toml itself, would read the developer's `.dev.vars` too, and then a test
// passes on one computer only. So it gets what wrangler makes of that file, with these variables alone.
const config = unstable_readConfig({ config: './wrangler.toml' });
const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config);

// How fuzz tests run (docs/testing.md): the environment of workerd is made of bindings.
const FUZZ = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('FUZZ_')));

const worker = () =>
  cloudflareTest({
    ...(main === undefined ? {} : { main }),
    miniflare: {
      ...workerOptions,
      bindings: { ...config.vars, ...FUZZ, GATEHOUSE_KEYS: JSON.stringify(TEST_KEYS) },
      // Those of wrangler.toml, which no test meets, and one that a test puts in the place of one of them.
      ratelimits: Object.fromEntries(
        [...config.ratelimits, TEST_LIMIT].map(({ name, ...limit }) => [name, limit]),
      ),
    },
  });

const TEST_LIMIT = { name: 'RATE_TEST', namespace_id: '7999', simple: { limit: 3, period: 60 as const } };

const NOT_IN_WORKERD = ['test/e2e/**', 'test/tooling/**'];

/** Files that count, list, evict or set the clock of what others would use too. */
const ALONE = [
  'test/gateway/session/**/*.test.ts',
  'test/gateway/aggregate/forwarding.test.ts',
  'test/account/{at-rest,forged-ids,keys/keys}.test.ts',
  'test/oauth/{device/*,verification/*,routes}.test.ts',
  'test/gateway/request/challenge.test.ts',
  'test/migrations.test.ts',
  'test/sign-in/session.test.ts',
];

/**
 * Tests in workerd, on the Worker of `wrangler.toml`. A worker and storage of its own cost a file two
 * seconds, so most files share theirs with others, as users of one deployment do.
 */
export default defineConfig({
  test: {
    projects: [
      {
        plugins: [worker()],
        test: {
          ...patience,
          name: 'shared',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: [...NOT_IN_WORKERD, ...ALONE],
          isolate: false,
        },
      },
      { plugins: [worker()], test: { ...patience, name: 'alone', include: ALONE } },
    ],
    maxWorkers: 3,
    // The Worker logs every event: shown only beside a test that failed.
    silent: 'passed-only',
    reporters: ['default', ['json', { outputFile: 'coverage/tests-worker.json' }]],
    coverage: {
      provider: 'istanbul',
      include: ['src/**/*.{ts,tsx}'],
      exclude: ['src/**/*.d.ts'],
      reporter: ['text-summary', 'json-summary'],
      // A floor that only rises: raise it when the number stays above it.
      thresholds: { lines: 95 },
    },
  },
});

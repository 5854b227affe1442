/**
 * `npm test`: runs both parts of the tests, or the one that is named (`worker`, `e2e`) with further arguments for
 * vitest. Every process that the tests start ends with this one.
 */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { endGroup, onParentGone, spawnGroup } from './lib/program.ts';
import { ROOT } from './lib/wrangler.ts';

const PARTS: Record<string, readonly string[]> = {
  worker: ['--config', 'vitest.config.ts', '--coverage'],
  e2e: ['--config', 'vitest.e2e.config.ts'],
};

const [named, ...more] = process.argv.slice(2);
const parts = named === undefined ? Object.keys(PARTS) : [named];
let running: ChildProcess | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void stop(128 + constants.signals[signal]));
}
// npm, or the shell between, ends by a signal without passing it on.
if (process.env.npm_lifecycle_event) onParentGone(() => void stop(1));

// The second part runs even if the first one fails.
for (const part of parts) process.exitCode = Math.max(Number(process.exitCode ?? 0), await run(part));

/** Runs one part to its end; returns its exit code. */
async function run(part: string): Promise<number> {
  const args = PARTS[part];
  if (!args)
    throw new Error(`"${part}" isn’t a part of the tests: choose ${Object.keys(PARTS).join(' or ')}`);
  const vitest = [`${ROOT}/node_modules/vitest/vitest.mjs`, 'run', ...args, ...more];
  const child = spawnGroup(process.execPath, vitest, { output: 'inherit' });
  running = child;
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

async function stop(code: number): Promise<void> {
  if (running) await endGroup(running);
  process.exit(code);
}

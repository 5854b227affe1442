/**
 * `npm test`: both halves of the tests, or the one that is named (`worker`, `e2e`) with what stands after it as
 * arguments of vitest. Whatever ends this, or vitest, all that the tests started ends with it.
 */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { endGroup, onParentGone, spawnGroup } from './lib/program.ts';
import { ROOT } from './lib/wrangler.ts';

const HALVES: Record<string, readonly string[]> = {
  worker: ['--config', 'vitest.config.ts', '--coverage'],
  e2e: ['--config', 'vitest.e2e.config.ts'],
};

const [named, ...more] = process.argv.slice(2);
const halves = named === undefined ? Object.keys(HALVES) : [named];
let underWay: ChildProcess | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void stop(128 + constants.signals[signal]));
}
// npm dies of a signal and hands none on to what it runs, or the shell between does.
if (process.env.npm_lifecycle_event) onParentGone(() => void stop(1));

// Both of them, so that one that fails hides nothing of the other.
for (const half of halves) process.exitCode = Math.max(Number(process.exitCode ?? 0), await run(half));

/** Runs one half to its end; returns its exit code. */
async function run(half: string): Promise<number> {
  const args = HALVES[half];
  if (!args) throw new Error(`there are the halves ${Object.keys(HALVES).join(' and ')}, not "${half}"`);
  const vitest = [`${ROOT}/node_modules/vitest/vitest.mjs`, 'run', ...args, ...more];
  const child = spawnGroup(process.execPath, vitest, { output: 'inherit' });
  underWay = child;
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

async function stop(code: number): Promise<void> {
  if (underWay) await endGroup(underWay);
  process.exit(code);
}

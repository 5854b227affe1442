import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { endGroup, spawnGroup } from '../../scripts/lib/program';
import { ROOT } from '../../scripts/lib/wrangler';

/** What a program does here: starts another, says both ids, and ends of no signal that can be ignored. */
const STUBBORN = `
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  const { pid } = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  console.log(process.pid, pid);
  setInterval(() => {}, 1000);`;

/** A process that starts a program as everything here does, and hands on what it says. */
const STARTER = `
  import { spawnGroup } from '${ROOT}/scripts/lib/program.ts';
  const child = spawnGroup(process.execPath, ['-e', ${JSON.stringify(STUBBORN)}]);
  child.stdout.pipe(process.stdout);`;

/** The processes that run, of one group or of all; not those of which only nobody has taken notice yet. */
function running(group?: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,pgid=,stat='], { encoding: 'utf8' });
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const there = rows.filter(([, pgid, state = 'Z']) => !state.startsWith('Z') && Number(pgid) > 0);
  return there
    .filter(([, pgid]) => group === undefined || Number(pgid) === group)
    .map(([pid]) => Number(pid));
}

const isThere = (pid: number) => running().includes(pid);

/** The ids of the program and of what it started, once both run. */
async function idsOf(output: NodeJS.ReadableStream | null): Promise<number[]> {
  if (!output) throw new Error('no output');
  const [line] = (await once(createInterface({ input: output }), 'line')) as [string];
  return line.split(' ').map(Number);
}

describe('a program', () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'ends with all that it started when %s ends who started it',
    async (signal) => {
      const starter = spawn(process.execPath, ['--input-type=module-typescript', '-e', STARTER]);
      onTestFinished(() => void starter.kill('SIGKILL'));
      const ids = await idsOf(starter.stdout);
      expect(ids.map(isThere)).toEqual([true, true]);
      starter.kill(signal);
      await expect.poll(() => ids.map(isThere)).toEqual([false, false]);
    },
  );

  test('ends with all that it started when it is ended, though it ignores what is polite', async () => {
    const child = spawnGroup(process.execPath, ['-e', STUBBORN]);
    onTestFinished(() => endGroup(child, 0));
    const ids = await idsOf(child.stdout);
    await endGroup(child, 100);
    await expect.poll(() => ids.map(isThere)).toEqual([false, false]);
    expect(child.signalCode).toBe('SIGKILL');
  });

  test('has its own exit code, and leaves nothing that watches over it', async () => {
    const child = spawnGroup(process.execPath, ['-e', 'process.exitCode = 7']);
    expect(await once(child, 'close')).toEqual([7, null]);
    await expect.poll(() => running(child.pid)).toEqual([]);
  });
});

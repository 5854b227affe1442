import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './wrangler.ts';

/** Milliseconds that a program has to exit after SIGTERM. */
const GRACE = 5000;

/** Milliseconds between two checks whether the parent is still running. */
const PARENT_INTERVAL = 200;

/** The file descriptor at which a program's watcher reads. */
const LIFELINE = 3;

const hasGroups = process.platform !== 'win32';

/**
 * Starts a watcher in the process group, then becomes the program itself (the same process, so signals and exit codes
 * are the program's). The watcher reads from a pipe that only the starting process holds open. When that process ends,
 * even by SIGKILL, the pipe is closed, and the watcher kills the whole group.
 */
const WATCHED = `(trap '' HUP INT QUIT TERM; cat <&${LIFELINE}; kill -KILL 0) >/dev/null 2>&1 & exec "$@" ${LIFELINE}<&-`;

export interface ProgramOptions {
  /** Unset: the repository's folder. */
  cwd?: string;
  /** Overrides the environment of this process; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** `pipe`: this process can write to it. Unset: no input. */
  stdin?: 'pipe' | 'ignore';
  /** Its stdout and stderr: pipes, or those of this process. Unset: `pipe`. */
  output?: 'pipe' | 'inherit';
}

/**
 * Starts a program as the leader of a new process group, so that {@link signalGroup} reaches every process that it
 * starts. The group ends with this process, in whatever way this process ends (but not on Windows, which has no
 * groups). A program of the group that starts a group of its own has to end that one itself.
 */
export function spawnGroup(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = {}, stdin = 'ignore', output = 'pipe' }: ProgramOptions = {},
): ChildProcess {
  const options: SpawnOptions = { cwd, env: { ...process.env, ...env }, detached: hasGroups };
  if (!hasGroups) return spawn(command, args, { ...options, stdio: [stdin, output, output] });
  const watched = ['-c', WATCHED, 'sh', command, ...args];
  const child = spawn('/bin/sh', watched, { ...options, stdio: [stdin, output, output, 'pipe'] });
  const lifeline = child.stdio[LIFELINE] as Socket;
  lifeline.on('error', () => undefined);
  lifeline.unref();
  void ended(child).then(() => lifeline.destroy());
  return child;
}

/** Sends a signal to a program of {@link spawnGroup} and to all processes that it started, if they still run. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(hasGroups ? -child.pid : child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends a program of {@link spawnGroup} and all processes that it started, with SIGTERM, and with SIGKILL after `grace`
 * ms. Waits until none of them holds its output any more, since `npm` exits before the programs that it runs.
 */
export async function endGroup(child: ChildProcess, grace = GRACE): Promise<void> {
  // A stream that isn't read never closes.
  child.stdout?.resume();
  child.stderr?.resume();
  const done = ended(child);
  signalGroup(child, grace > 0 ? 'SIGTERM' : 'SIGKILL');
  const waiting = new AbortController();
  await Promise.race([done, sleep(grace, undefined, { signal: waiting.signal }).catch(() => undefined)]);
  waiting.abort();
  signalGroup(child, 'SIGKILL');
  if (!hasExited(child)) await once(child, 'exit');
}

export function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/**
 * Calls `end` once, when the process that started this one is gone: npm ends by a signal without passing it on, and a
 * shell between npm and this process may stay.
 */
export function onParentGone(end: () => void): { stop(): void } {
  const parent = process.ppid;
  const { stdout } = spawnSync('ps', ['-o', 'ppid=,comm=', '-p', `${parent}`], { encoding: 'utf8' });
  const [, above, command = ''] = /^\s*(\d+)\s+(.*)$/m.exec(stdout ?? '') ?? [];
  const starter = command.endsWith('sh') ? Number(above) : parent;
  const timer = setInterval(() => {
    if (process.ppid === parent && isRunning(starter)) return;
    clearInterval(timer);
    end();
  }, PARENT_INTERVAL);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Whether there is a process with this id. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Resolves once a program has exited, and no process that it started holds its output any more. */
async function ended(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const open = streams.filter(({ closed }) => !closed).map((stream) => once(stream, 'close'));
  // If no process could be started, there is an error instead of an exit.
  const exit = hasExited(child) || child.pid === undefined ? undefined : once(child, 'exit');
  await Promise.all([exit, ...open]).catch(() => undefined);
}

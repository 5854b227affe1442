import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './wrangler.ts';

/** ms that a program has to end by itself once it was asked to. */
const GRACE = 5000;

/** ms between two looks at whether the parent is still there. */
const PARENT_INTERVAL = 200;

/** The file descriptor at which a program's watcher reads. */
const LIFELINE = 3;

const hasGroups = process.platform !== 'win32';

/**
 * Becomes the program (the same process, so signals and exit codes are its own), after leaving a watcher in its
 * process group: it reads from a pipe that only the process which started all this holds open. However that
 * process ends, by SIGKILL too, the pipe ends with it, and then the whole group is killed.
 */
const WATCHED = `(trap '' HUP INT QUIT TERM; cat <&${LIFELINE}; kill -KILL 0) >/dev/null 2>&1 & exec "$@" ${LIFELINE}<&-`;

export interface ProgramOptions {
  /** Unset: the repository. */
  cwd?: string;
  /** Over the environment of this process; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** `pipe`: what this process writes to it. Unset: none. */
  stdin?: 'pipe' | 'ignore';
  /** Its stdout and stderr: `pipe`, or those of this process. Unset: `pipe`. */
  output?: 'pipe' | 'inherit';
}

/**
 * Starts a program as the head of a process group of its own, so that {@link signalGroup} reaches all that it
 * starts. The group ends with this process, however this process ends (not on Windows, which has no groups);
 * a program of the group that begins a group of its own has to see to that one in the same way.
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

/** Sends a signal to a program of {@link spawnGroup} and to all it started; nothing if they are gone. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(hasGroups ? -child.pid : child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends a program of {@link spawnGroup} and all it started: politely, after `grace` ms by force. Waits for the
 * last of them that holds its output: `npm` ends at once, and what it runs has programs of its own to end.
 */
export async function endGroup(child: ChildProcess, grace = GRACE): Promise<void> {
  // What nobody reads never closes.
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
 * Calls `end` once, when the process that started this one is gone: npm dies of a signal and hands none on, and a
 * shell between it and this process may stay.
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

/** Whether there is a process of this id. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Resolves once a program has exited, and nobody whom it started holds its output any more. */
async function ended(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const open = streams.filter(({ closed }) => !closed).map((stream) => once(stream, 'close'));
  // Without a process there is an error in place of an exit.
  const exit = hasExited(child) || child.pid === undefined ? undefined : once(child, 'exit');
  await Promise.all([exit, ...open]).catch(() => undefined);
}

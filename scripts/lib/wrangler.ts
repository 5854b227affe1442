import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The repository's folder, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url).href).replace(/\/$/, '');

/** What makes `wrangler` ask nothing, send nothing and look for no newer version of itself. */
export const QUIET = {
  CI: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
} as const;

/** The arguments of `node` that run this repository's `wrangler`. */
export function wranglerCommand(args: readonly string[]): string[] {
  return [`${ROOT}/node_modules/wrangler/bin/wrangler.js`, ...args];
}

/**
 * Starts a program that has children of its own (`wrangler`, `npm`) as the head of a process group, so
 * that {@link signalGroup} reaches all of them. It has no stdin; stdout and stderr are pipes.
 */
export function spawnGroup(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): ChildProcess {
  return spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
}

/** Sends a signal to a program of {@link spawnGroup} and to all it started; nothing if they are gone. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends a program of {@link spawnGroup} and all it started: politely, after `patience` ms by force. Waits for
 * the last of them that holds its output: `npm` ends at once, and what it runs has programs of its own to end.
 */
export async function endGroup(child: ChildProcess, patience = 5000): Promise<void> {
  const { exitCode, signalCode, stdout, stderr } = child;
  const hasExited = exitCode !== null || signalCode !== null;
  const exited = hasExited ? Promise.resolve() : once(child, 'exit');
  const hasClosed = hasExited && (stdout?.closed ?? true) && (stderr?.closed ?? true);
  const closed = hasClosed ? Promise.resolve() : once(child, 'close');
  // What nobody reads never closes.
  stdout?.resume();
  stderr?.resume();
  signalGroup(child, 'SIGTERM');
  let timer: NodeJS.Timeout | undefined;
  const outOfPatience = new Promise((resolve) => {
    timer = setTimeout(resolve, patience);
  }).then(async () => {
    signalGroup(child, 'SIGKILL');
    await exited;
  });
  await Promise.race([closed, outOfPatience]);
  clearTimeout(timer);
  signalGroup(child, 'SIGKILL');
}

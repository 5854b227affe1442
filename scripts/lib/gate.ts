import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys } from './keys.ts';
import { freePort } from './ports.ts';
import { endGroup, hasExited, spawnGroup } from './program.ts';
import { QUIET, ROOT, wranglerCommand } from './wrangler.ts';

export interface GateOptions {
  /** Settings and secrets by name; values that aren't text are passed as JSON. */
  vars?: Record<string, unknown>;
  /** The environment of `wrangler`, such as `NODE_EXTRA_CA_CERTS`. */
  env?: Record<string, string>;
  /** The folder for storage; unset: a temporary one that is removed with the gate. */
  persistTo?: string;
  /** Unset: any free port. */
  port?: number;
  /** `GATEHOUSE_KEYS`; unset: new ones, `false`: none, as with bare `wrangler dev`. */
  keys?: string | false;
  /**
   * The file of {@link bundleGate}, which makes the start a third faster. Unset, or with a `--config` in `args`:
   * `wrangler dev` bundles.
   */
  bundle?: string;
  /** More arguments of `wrangler dev`. */
  args?: readonly string[];
  /** A path that answers once it runs, for a Worker other than the gate; unset: `/health`. */
  ready?: string;
}

/** A running `wrangler dev` of this repository. */
export interface Gate {
  /** `http://localhost:{port}` */
  readonly origin: string;
  readonly port: number;
  /** The folder of `--persist-to`. */
  readonly persistTo: string;
  /** All its output since the first start. */
  log(): string;
  /** Stops and starts it again, on the same port and storage, with changed settings if given. */
  restart(changes?: Pick<GateOptions, 'vars' | 'env' | 'keys'>): Promise<void>;
  /** Kills all its processes, like a crash; its storage stays for a {@link restart}. */
  kill(): Promise<void>;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

/** Milliseconds that a running gate may take until it answers. A gate that exits is noticed at once. */
const START_LIMIT = 240_000;
/** Milliseconds for each request that checks whether it answers. */
const PROBE_LIMIT = 30_000;
const ATTEMPTS = 3;

/** Node's cache of compiled code, since compiling is most of the start of `wrangler`. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/node-compile');

/**
 * Starts a gate and waits until it answers. It doesn't read `.dev.vars`: its settings are those of `options` and
 * `wrangler.toml`. Throws an error with its output if it exits early. It always ends with this process.
 */
export async function startGate(options: GateOptions = {}): Promise<Gate> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
  const persistTo = options.persistTo ?? join(folder, 'state');
  let current: GateOptions = { ...options, keys: options.keys ?? makeKeys() };
  let port = options.port ?? (await freePort());
  let log = '';
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const started = launch(current, port, persistTo, folder);
    child = started;
    const keep = (chunk: Buffer) => {
      log += chunk.toString();
    };
    started.stdout?.on('data', keep);
    started.stderr?.on('data', keep);
    await answers(`http://localhost:${port}${current.ready ?? '/health'}`, started, () => log);
  };
  const end = async (grace?: number): Promise<void> => {
    if (child) await endGroup(child, grace);
    child = undefined;
  };

  for (let attempt = 1; ; attempt++) {
    try {
      await start();
      break;
    } catch (error) {
      await end(0);
      // Another process may have taken the port after it was found to be free.
      const again =
        log.includes('Address already in use') && options.port === undefined && attempt < ATTEMPTS;
      if (!again) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
      port = await freePort();
      log = '';
    }
  }
  return {
    origin: `http://localhost:${port}`,
    port,
    persistTo,
    log: () => log,
    restart: async (changes = {}) => {
      await end();
      current = { ...current, ...changes };
      await start();
    },
    kill: () => end(0),
    stop: async () => {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launch(options: GateOptions, port: number, persistTo: string, folder: string): ChildProcess {
  // With an `--env-file`, `wrangler` doesn't read the developer's `.dev.vars`.
  const envFile = join(folder, 'vars.env');
  writeFileSync(envFile, options.keys ? `GATEHOUSE_KEYS='${options.keys}'\n` : '', { mode: 0o600 });
  const vars = Object.entries(options.vars ?? {}).flatMap(([name, value]) => [
    '--var',
    `${name}:${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ]);
  // With a script, wrangler would look for the configuration next to the script.
  const unbundled = ['--no-bundle', '--config', join(ROOT, 'wrangler.toml')];
  const script = options.bundle === undefined ? [] : [options.bundle, ...unbundled];
  const args = ['dev', ...script, '--port', `${port}`, '--inspector-port', '0', '--persist-to', persistTo];
  const command = [...args, '--env-file', envFile, ...vars, ...(options.args ?? [])];
  return spawnGroup(process.execPath, wranglerCommand(command), {
    env: {
      ...QUIET,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      NODE_ENV: undefined,
      WRANGLER_REGISTRY_PATH: join(folder, 'registry'),
      WRANGLER_WRITE_LOGS: 'false',
      ...options.env,
    },
  });
}

/** Bundles the Worker into a folder, as for a deployment; returns the path of the bundle. */
export async function bundleGate(folder: string): Promise<string> {
  const command = wranglerCommand(['deploy', '--dry-run', '--outdir', folder]);
  const child = spawnGroup(process.execPath, command, { env: { ...QUIET, WRANGLER_WRITE_LOGS: 'false' } });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`wrangler deploy --dry-run exited with ${code}:\n${log}`);
  return join(folder, 'index.js');
}

/** Waits until the gate answers; with invalid settings, its normal answer is 503. */
async function answers(url: string, child: ChildProcess, log: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT;
  while (Date.now() < deadline) {
    if (hasExited(child)) {
      throw new Error(`wrangler dev exited with ${child.exitCode ?? child.signalCode}:\n${log()}`);
    }
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_LIMIT) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200 || response?.status === 503) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`wrangler dev didn’t answer within ${START_LIMIT / 1000} s:\n${log()}`);
}

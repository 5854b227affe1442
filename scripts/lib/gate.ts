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
  /** Settings and secrets by name; what isn't text is given as JSON. */
  vars?: Record<string, unknown>;
  /** The environment of `wrangler`, such as `NODE_EXTRA_CA_CERTS`. */
  env?: Record<string, string>;
  /** Where storage is kept; unset: a folder that goes with the gate. */
  persistTo?: string;
  /** Unset: a free one. */
  port?: number;
  /** `GATEHOUSE_KEYS`; unset: new ones, `false`: none, as with bare `wrangler dev`. */
  keys?: string | false;
  /**
   * The file of {@link bundleGate}, to be run as it is: a third of a start less. Unset: `wrangler dev` bundles,
   * and so it does with a `--config` in `args`.
   */
  bundle?: string;
  /** More arguments of `wrangler dev`. */
  args?: readonly string[];
  /** What answers once it runs, for another Worker than the gate; unset: `/health`. */
  ready?: string;
}

/** A running `wrangler dev` of this repository. */
export interface Gate {
  /** `http://localhost:{port}` */
  readonly origin: string;
  readonly port: number;
  /** The folder of `--persist-to`. */
  readonly persistTo: string;
  /** All that it wrote since it was started first. */
  log(): string;
  /** Ends it and starts it again, on the same port and storage, with settings changed if given. */
  restart(changes?: Pick<GateOptions, 'vars' | 'env' | 'keys'>): Promise<void>;
  /** Ends all its processes at once, as a crash would; its storage stays for a {@link restart}. */
  kill(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** ms until one that runs and answers nothing is given up. One that ends is noticed at once. */
const START_LIMIT = 240_000;
/** ms for one of the requests that ask whether it answers yet. */
const PROBE_LIMIT = 30_000;
const ATTEMPTS = 3;

/** Where Node keeps what it compiled of `wrangler`, which is most of its start. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/node-compile');

/**
 * Starts a gate and waits until it answers. It reads no `.dev.vars`: all it knows stands in `options` and
 * `wrangler.toml`. Throws with what it wrote when it ends early. It ends with this process, however that ends.
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
      // Between finding a free port and using it, a test in the other process may have taken it.
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
  // A file of variables that is named keeps `wrangler` from reading the developer's `.dev.vars`.
  const envFile = join(folder, 'vars.env');
  writeFileSync(envFile, options.keys ? `GATEHOUSE_KEYS='${options.keys}'\n` : '', { mode: 0o600 });
  const vars = Object.entries(options.vars ?? {}).flatMap(([name, value]) => [
    '--var',
    `${name}:${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ]);
  const script = options.bundle === undefined ? [] : [options.bundle, '--no-bundle'];
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

/** Bundles the Worker into a folder, as for a deployment; returns the file of it. */
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
  if (code !== 0) throw new Error(`wrangler deploy --dry-run ended with ${code}:\n${log}`);
  return join(folder, 'index.js');
}

/** Waits until the gate answers as it does: one with wrong settings says 503, and that is fine. */
async function answers(url: string, child: ChildProcess, log: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT;
  while (Date.now() < deadline) {
    if (hasExited(child)) {
      throw new Error(`wrangler dev ended with ${child.exitCode ?? child.signalCode}:\n${log()}`);
    }
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_LIMIT) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200 || response?.status === 503) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`wrangler dev gave no answer within ${START_LIMIT / 1000} s:\n${log()}`);
}

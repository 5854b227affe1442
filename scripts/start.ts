/**
 * `npm start`: runs Gatehouse on this computer, with the servers of `examples/`. Arguments after `--` go to `wrangler
 * dev`.
 */
import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readyOrigin, showNamed, takenPort } from './lib/dev-output.ts';
import { ensureLocalKeys } from './lib/keys.ts';
import { moveServers, ORCHARD, orchardArguments, orchardPort } from './lib/orchard.ts';
import { freePort, isFreeOnLoopback } from './lib/ports.ts';
import { hasExited, onParentGone, signalGroup, spawnGroup } from './lib/program.ts';
import { QUIET, ROOT, wranglerCommand } from './lib/wrangler.ts';

/** What runs without a `--config`: the gate, and the server that is a Worker of its own. */
const EXAMPLES = ['examples/wrangler.toml', 'examples/notes/wrangler.toml'];

/** How long `wrangler` may take to exit, in ms, before it is killed. */
const PATIENCE = 5000;

const passed = process.argv.slice(2);
const { values } = parseArgs({
  args: passed,
  strict: false,
  options: {
    config: { type: 'string', short: 'c' },
    'env-file': { type: 'string', multiple: true },
    'persist-to': { type: 'string' },
    port: { type: 'string' },
  },
});

// `wrangler dev` reads the `.dev.vars` next to its configuration file, unless there is an `--env-file`: then it reads
// only the files named so. With ours first, the keys stay, and the other files can override them.
const configs = typeof values.config === 'string' ? [] : EXAMPLES.map((file) => join(ROOT, file));
const devVars = join(dirname(configs[0] ?? String(values.config)), '.dev.vars');

// The orchard has a `wrangler dev` of its own, because in one that runs several Workers, only the first has a port.
const port = configs.length > 0 ? await choosePort(text(values.port)) : undefined;
const moved = port === undefined ? [] : await movedServers(`http://localhost:${port}`);

if (ensureLocalKeys(devVars)) console.log(`Wrote new keys for local development to ${devVars}`);
const named = configs.flatMap((file) => ['--config', file]);
const envFiles = values['env-file'] ? ['--env-file', devVars] : [];
const gate = launch(['dev', ...named, ...envFiles, ...moved, ...passed]);
gate.stdout?.on('data', (chunk: Buffer) => process.stdout.write(chunk));
gate.stderr?.on('data', (chunk: Buffer) => {
  process.stderr.write(chunk);
  const taken = takenPort(chunk.toString());
  if (taken)
    console.error(`Another program is using port ${taken}. Choose a different one: npm start -- --port 9000`);
});

const orchard = port === undefined ? undefined : launch(orchardArguments(port, text(values['persist-to'])));
const shown = orchard && showNamed(orchard, 'orchard');
const programs = [gate, ...(orchard ? [orchard] : [])];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
// npm runs this through `sh`, which ends by a signal to npm without passing it on.
const watch = process.env.npm_lifecycle_event ? onParentGone(end) : undefined;
let ending = false;
// Each program needs the others, so the first that ends, ends all. Its exit code becomes ours.
for (const program of programs) {
  program.on('exit', (code) => {
    signalGroup(program, 'SIGKILL');
    process.exitCode ??= code ?? 1;
    if (program === orchard && !ending) {
      process.stderr.write(shown?.held() ?? '');
      console.error(`The server of examples/orchard exited with code ${code}, so the gate was stopped, too.`);
    }
    end();
  });
}

Promise.all(programs.map(readyOrigin)).then(([origin = '', orchardOrigin]) => {
  shown?.begin();
  console.log(`\nGatehouse is ready. Point a client at ${reachable(origin)}/mcp`);
  if (orchardOrigin)
    console.log(`The orchard, a server with its own accounts, is at ${reachable(orchardOrigin)}`);
  console.log('');
});

function launch(args: readonly string[]): ChildProcess {
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  return spawnGroup(process.execPath, wranglerCommand(args), { env: { ...QUIET, ...color } });
}

function end(): void {
  ending = true;
  watch?.stop();
  const running = () => programs.filter((program) => !hasExited(program));
  for (const program of running()) signalGroup(program, 'SIGTERM');
  setTimeout(() => {
    for (const program of running()) signalGroup(program, 'SIGKILL');
  }, PATIENCE).unref();
}

/** The orchard's port, which depends on the gate's. Exits with a message when another program uses it. */
async function choosePort(gates: string | undefined): Promise<number> {
  const wanted = orchardPort(gates);
  if (wanted === 'any') return freePort();
  if (await isFreeOnLoopback(wanted)) return wanted;
  console.error(
    `Another program is using port ${wanted}, which the server of examples/orchard needs.\n` +
      'Choose a port for the gate; the orchard then uses the next one: npm start -- --port 9000',
  );
  process.exit(1);
}

/** Arguments that tell the gate where the orchard is, if it isn't where the settings say. */
async function movedServers(origin: string): Promise<string[]> {
  if (origin === ORCHARD.origin) return [];
  const { unstable_readConfig } = await import('wrangler');
  const { vars } = unstable_readConfig({ config: configs[0] });
  const servers = moveServers(vars.SERVERS, ORCHARD.origin, origin);
  return servers ? ['--var', `SERVERS:${JSON.stringify(servers)}`] : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The address for a client: a server that listens on every interface is reached at localhost. */
function reachable(origin: string): string {
  return origin.replace(/\/\/(0\.0\.0\.0|\[::\]|\*)(?=[:/]|$)/, '//localhost').replace(/\/$/, '');
}

/** `npm start`: Gatehouse on this computer, with the servers of `examples/` behind it. What stands after `--` goes on to `wrangler dev`. */
import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readyOrigin, showNamed, takenPort } from './lib/dev-output.ts';
import { ensureLocalKeys } from './lib/keys.ts';
import { moveServers, ORCHARD, orchardArguments, orchardPort } from './lib/orchard.ts';
import { freePort, isFreeOnLoopback } from './lib/ports.ts';
import { hasExited, onParentGone, signalGroup, spawnGroup } from './lib/program.ts';
import { QUIET, ROOT, wranglerCommand } from './lib/wrangler.ts';

/** The gate, and the server that is a Worker of its own: what runs without a `--config`. */
const EXAMPLES = ['examples/wrangler.toml', 'examples/notes/wrangler.toml'];

/** How long `wrangler` may take to end, in ms, before it is made to. */
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

// `wrangler dev` reads the `.dev.vars` beside its configuration file, unless there is an `--env-file`: then
// only the files named so. Naming ours first keeps the keys, and lets the others override.
const configs = typeof values.config === 'string' ? [] : EXAMPLES.map((file) => join(ROOT, file));
const devVars = join(dirname(configs[0] ?? String(values.config)), '.dev.vars');

// The orchard has a `wrangler dev` of its own: where one runs several Workers, only the first has a port.
const port = configs.length > 0 ? await choosePort(text(values.port)) : undefined;
const moved = port === undefined ? [] : await movedServers(`http://localhost:${port}`);

if (ensureLocalKeys(devVars)) console.log(`Wrote new keys for local use to ${devVars}`);
const named = configs.flatMap((file) => ['--config', file]);
const envFiles = values['env-file'] ? ['--env-file', devVars] : [];
const gate = launch(['dev', ...named, ...envFiles, ...moved, ...passed]);
gate.stdout?.on('data', (chunk: Buffer) => process.stdout.write(chunk));
gate.stderr?.on('data', (chunk: Buffer) => {
  process.stderr.write(chunk);
  const taken = takenPort(chunk.toString());
  if (taken) console.error(`Port ${taken} is taken by another program. Choose one: npm start -- --port 9000`);
});

const orchard = port === undefined ? undefined : launch(orchardArguments(port, text(values['persist-to'])));
const shown = orchard && showNamed(orchard, 'orchard');
const programs = [gate, ...(orchard ? [orchard] : [])];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
// npm runs this through `sh`, which dies of a signal to npm without handing it on.
const watch = process.env.npm_lifecycle_event ? onParentGone(end) : undefined;
let ending = false;
// None is of use without the others, so the first that ends, ends all; its code is ours.
for (const program of programs) {
  program.on('exit', (code) => {
    signalGroup(program, 'SIGKILL');
    process.exitCode ??= code ?? 1;
    if (program === orchard && !ending) {
      process.stderr.write(shown?.held() ?? '');
      console.error(`The server of examples/orchard ended with ${code}, and so the gate does too.`);
    }
    end();
  });
}

Promise.all(programs.map(readyOrigin)).then(([origin = '', beside]) => {
  shown?.begin();
  console.log(`\nGatehouse is ready. Point a client at ${reachable(origin)}/mcp`);
  if (beside) console.log(`The orchard, a server with accounts of its own, is at ${reachable(beside)}`);
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

/** The orchard's port, beside the gate's; ends with a message when somebody else has it. */
async function choosePort(gates: string | undefined): Promise<number> {
  const beside = orchardPort(gates);
  if (beside === 'any') return freePort();
  if (await isFreeOnLoopback(beside)) return beside;
  console.error(
    `Port ${beside}, where the server of examples/orchard runs, is taken by another program.\n` +
      'Choose the gate’s, and it takes the one above: npm start -- --port 9000',
  );
  process.exit(1);
}

/** What tells the gate where the orchard is, when it isn't where the settings say. */
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

/** The address to give to a client: a server on every interface is reached at localhost. */
function reachable(origin: string): string {
  return origin.replace(/\/\/(0\.0\.0\.0|\[::\]|\*)(?=[:/]|$)/, '//localhost').replace(/\/$/, '');
}

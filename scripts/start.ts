/** `npm start`: Gatehouse on this computer, with the servers of `examples/` behind it. What stands after `--` goes on to `wrangler dev`. */
import { dirname, join } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { ensureLocalKeys } from './lib/keys.ts';
import { QUIET, ROOT, signalGroup, spawnGroup, wranglerCommand } from './lib/wrangler.ts';

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
  },
});

// `wrangler dev` reads the `.dev.vars` beside its configuration file, unless there is an `--env-file`: then
// only the files named so. Naming ours first keeps the keys, and lets the others override.
const configs = typeof values.config === 'string' ? [] : EXAMPLES.map((file) => join(ROOT, file));
const devVars = join(dirname(configs[0] ?? String(values.config)), '.dev.vars');
if (ensureLocalKeys(devVars)) console.log(`Wrote new keys for local use to ${devVars}`);
const named = configs.flatMap((file) => ['--config', file]);
const envFiles = values['env-file'] ? ['--env-file', devVars] : [];

const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
const wrangler = spawnGroup(process.execPath, wranglerCommand(['dev', ...named, ...envFiles, ...passed]), {
  env: { ...QUIET, ...color },
});

let ready = false;
let recent = '';
wrangler.stdout?.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  if (ready) return;
  recent = stripVTControlCharacters(recent + chunk.toString()).slice(-4096);
  const origin = /Ready on (https?:\/\/\S+)\s/.exec(recent)?.[1];
  if (!origin) return;
  ready = true;
  console.log(`\nGatehouse is ready. Point a client at ${reachable(origin)}/mcp\n`);
});
wrangler.stderr?.on('data', (chunk: Buffer) => {
  process.stderr.write(chunk);
  const taken = /Address already in use \((?:.*):(\d+)\)/.exec(chunk.toString())?.[1];
  if (taken) console.error(`Port ${taken} is taken by another program. Choose one: npm start -- --port 9000`);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
// npm runs this through `sh`, which dies of a signal to npm without handing it on.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.env.npm_lifecycle_event && process.ppid !== parent) end();
}, 200);
wrangler.on('exit', (code) => {
  clearInterval(watch);
  signalGroup(wrangler, 'SIGKILL');
  process.exitCode = code ?? 1;
});

function end(): void {
  clearInterval(watch);
  signalGroup(wrangler, 'SIGTERM');
  setTimeout(() => signalGroup(wrangler, 'SIGKILL'), PATIENCE).unref();
}

/** The address to give to a client: a server on every interface is reached at localhost. */
function reachable(origin: string): string {
  return origin.replace(/\/\/(0\.0\.0\.0|\[::\]|\*)(?=[:/]|$)/, '//localhost').replace(/\/$/, '');
}

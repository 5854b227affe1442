/**
 * `npm run deploy`: deploys Gatehouse to Cloudflare. Refuses if nobody could sign in there, creates missing secrets,
 * and then runs `wrangler deploy` with the arguments after `--`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { unstable_readConfig as readConfig } from 'wrangler';
import { secretState, signInProblem, varsOfArguments } from './lib/deployment.ts';
import { makeKeys } from './lib/keys.ts';
import { ROOT, wranglerCommand } from './lib/wrangler.ts';

const passed = process.argv.slice(2);
const { values } = parseArgs({
  args: passed,
  strict: false,
  options: {
    config: { type: 'string', short: 'c' },
    env: { type: 'string', short: 'e' },
    name: { type: 'string' },
    var: { type: 'string', multiple: true },
    'dry-run': { type: 'boolean' },
    'secrets-file': { type: 'string' },
  },
});
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
const where = { config: text(values.config), env: text(values.env), name: text(values.name) };

process.exitCode = deploy();

function deploy(): number {
  const config = readConfig({ config: where.config ?? join(ROOT, 'wrangler.toml'), env: where.env });
  const given = (values.var ?? []).filter((pair) => typeof pair === 'string');
  const problem = signInProblem({ ...config.vars, ...varsOfArguments(given) });
  if (problem) {
    console.error(`Not deployed: nobody could sign in. ${problem}`);
    return 1;
  }
  if (values['dry-run']) return runDeploy();

  const list = wrangler(['secret', 'list', ...selection()], 'pipe');
  const state = secretState('GATEHOUSE_KEYS', list);
  if (state === 'set') return runDeploy();
  if (state === 'unknown') {
    console.error(`${list.stdout}${list.stderr}`.trim());
    console.error(
      'Not deployed: the existing secrets couldn’t be listed. Have you run `npx wrangler login`?',
    );
    return 1;
  }
  if (values['secrets-file'] !== undefined) return runDeploy();
  return withNewKeys((file) => runDeploy(['--secrets-file', file]));
}

function runDeploy(more: readonly string[] = []): number {
  return wrangler(['deploy', ...passed, ...more], 'inherit').status ?? 1;
}

/** Writes `GATEHOUSE_KEYS` (from the environment, or new ones) to a temporary file that only this user can read. */
function withNewKeys(use: (file: string) => number): number {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
  // With a handler, Ctrl-C ends only wrangler, and this process can still remove the file.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  try {
    const file = join(folder, 'secrets.json');
    const given = process.env.GATEHOUSE_KEYS;
    writeFileSync(file, JSON.stringify({ GATEHOUSE_KEYS: given || makeKeys() }), { mode: 0o600 });
    const which = given ? 'those from the environment' : 'new ones';
    console.log(`This Worker has no GATEHOUSE_KEYS yet; uploading ${which}.`);
    return use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The arguments that select the Worker. */
function selection(): string[] {
  return Object.entries(where).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}

function wrangler(args: readonly string[], output: 'pipe' | 'inherit') {
  return spawnSync(process.execPath, wranglerCommand(args), {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['inherit', output, output],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  });
}

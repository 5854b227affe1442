/**
 * `npm run keys:rotate`: replaces the master key, in three steps with any time between them:
 *
 * npm run keys:rotate -- add   --file secrets.json --upload    adds a new key, after the one that seals npm run
 * keys:rotate -- first --file secrets.json --upload    an hour later: the new key seals from now on npm run keys:rotate
 * -- drop  --file secrets.json --upload    when everything is resealed: removes the old keys
 *
 * `--file` has the secret, as a `.dev.vars` or as the JSON for `wrangler secret bulk`, since it can't be read back from
 * the Worker. `--upload` gives that JSON to wrangler, with `--config`, `--env`, and `--name`.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  readSecretsFile,
  rotateKeys,
  STEPS,
  type Step,
  versionsOf,
  writeSecretsFile,
} from './lib/rotation.ts';
import { QUIET, ROOT, wranglerCommand } from './lib/wrangler.ts';

const NEXT: Record<Step, string> = {
  add: 'Next: run "first", an hour after this is deployed, because servers cache the published keys for that long.',
  first:
    'Next: run "drop", a day later, once the hourly log line connections_rewrapped says "waiting":0 and "left":0.',
  drop: 'Done. Anything that only the old keys could decrypt is lost.',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    file: { type: 'string', default: '.dev.vars' },
    upload: { type: 'boolean', default: false },
    config: { type: 'string' },
    env: { type: 'string' },
    name: { type: 'string' },
  },
});

try {
  process.exitCode = rotate();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function rotate(): number {
  const { file, upload } = values;
  const text = readFileSync(file, 'utf8');
  const keys = readSecretsFile(text);
  if (keys === undefined) throw new Error(`${file} has no GATEHOUSE_KEYS.`);
  const step = STEPS.find((one) => one === positionals[0]);
  if (step === undefined) {
    console.log(`Master keys, current first: ${versionsOf(keys).join(', ')}. Steps: ${STEPS.join(', ')}.`);
    return positionals.length === 0 ? 0 : 1;
  }
  if (upload && !text.trimStart().startsWith('{'))
    throw new Error(`${file} isn’t JSON, which --upload requires.`);
  const rotated = rotateKeys(keys, step);
  // Written atomically, since this file may be the only copy of the keys.
  writeFileSync(`${file}.new`, writeSecretsFile(text, rotated), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  console.log(`Master keys, current first: ${versionsOf(rotated).join(', ')}.`);
  const status = upload ? uploadSecrets(file) : 0;
  if (status === 0) console.log(NEXT[step]);
  else
    console.error(
      `Not uploaded, but ${file} was changed. To upload it, run: npx wrangler secret bulk ${file}`,
    );
  return status;
}

function uploadSecrets(file: string): number {
  const { config, env, name } = values;
  const where = Object.entries({ config, env, name });
  const selection = where.flatMap(([option, value]) => (value === undefined ? [] : [`--${option}`, value]));
  const run = spawnSync(process.execPath, wranglerCommand(['secret', 'bulk', file, ...selection]), {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...QUIET },
  });
  return run.status ?? 1;
}

/**
 * `npm run keys:create`: makes a service key, for a gate into which no admin can sign in by browser, by the
 * deployment's own secret. The key alone goes to stdout, so that it can be piped; all else to stderr.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type KeyOptions, readKeyOptions, USAGE } from './lib/key-options.ts';
import { signOperatorRequest } from './lib/operator.ts';
import { ROOT } from './lib/wrangler.ts';

const PATH = '/api/admin/keys';
/** Where `npm start` writes the keys of the gate on this computer. */
const LOCAL_FILE = join(ROOT, 'examples/.dev.vars');

try {
  await createKey(readKeyOptions(process.argv.slice(2)));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}

async function createKey({ url, envFile, request }: KeyOptions): Promise<void> {
  const { keys, from } = findKeys(url, envFile);
  const body = JSON.stringify(request);
  const authorization = await signOperatorRequest(keys, { method: 'POST', path: PATH, body });
  const headers = { authorization, 'content-type': 'application/json' };
  const response = await fetch(new URL(PATH, url), {
    method: 'POST',
    headers,
    body,
    redirect: 'error',
  }).catch((error: unknown) => {
    throw new Error(`${url} doesn't answer: ${reasonOf(error)}`);
  });
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.status !== 201) {
    const hint = response.status === 401 ? ` (the keys are those of ${from})` : '';
    throw new Error(`${url} answers ${response.status}: ${answer.error_description ?? 'no reason'}${hint}`);
  }
  const { key, ...rest } = answer;
  for (const [name, value] of Object.entries(rest)) console.error(`${name}: ${value}`);
  console.log(key);
}

/** Why `fetch` failed: its own message says no more than that. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return code ?? message ?? String(cause);
}

/** The environment's keys, else a file's: of another computer's gate, only what was named on purpose. */
function findKeys(url: string, envFile: string | undefined): { keys: string; from: string } {
  if (process.env.GATEHOUSE_KEYS && envFile === undefined) {
    return { keys: process.env.GATEHOUSE_KEYS, from: 'the environment' };
  }
  const file = envFile ?? (url.startsWith('http:') ? LOCAL_FILE : undefined);
  const keys =
    file !== undefined && existsSync(file) ? parseEnv(readFileSync(file, 'utf8')).GATEHOUSE_KEYS : '';
  if (file === undefined || !keys) {
    throw new Error('GATEHOUSE_KEYS is missing: set it in the environment, or name a file with --env-file');
  }
  return { keys, from: file };
}

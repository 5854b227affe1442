import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type OperatorRequest, signOperatorRequest } from './operator.ts';
import { ROOT } from './wrangler.ts';

/** Where `npm start` writes the keys of the gate on this computer. */
const LOCAL_FILE = join(ROOT, 'examples/.dev.vars');

/** Which gate, and by whose keys. */
export interface Deployment {
  /** The gate's origin. */
  url: string;
  /** A file that names `GATEHOUSE_KEYS`; undefined: the environment, else those that `npm start` writes. */
  envFile: string | undefined;
}

/**
 * Sends a request of the operator's to a gate. Returns the answer's JSON; throws an Error whose message says why
 * there is none, or that the status was another than `expected`.
 */
export async function operate(
  { url, envFile }: Deployment,
  { method, path, body }: OperatorRequest,
  expected: number,
): Promise<Record<string, unknown>> {
  const { keys, from } = findKeys(url, envFile);
  const authorization = await signOperatorRequest(keys, { method, path, body });
  const headers = { authorization, ...(body === '' ? {} : { 'content-type': 'application/json' }) };
  const init = { method, headers, redirect: 'error', ...(body === '' ? {} : { body }) } as const;
  const response = await fetch(new URL(path, url), init).catch((error: unknown) => {
    throw new Error(`${url} doesn't answer: ${reasonOf(error)}`);
  });
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.status === expected) return answer;
  const hint = response.status === 401 ? ` (the keys are those of ${from})` : '';
  throw new Error(`${url} answers ${response.status}: ${answer.error_description ?? 'no reason'}${hint}`);
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

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type OperatorRequest, signOperatorRequest } from './operator.ts';
import { ROOT } from './wrangler.ts';

/** The file to which `npm start` writes the keys of the local gate. */
const LOCAL_FILE = join(ROOT, 'examples/.dev.vars');

/** The gate, and where its keys are. */
export interface Deployment {
  /** The gate's origin. */
  url: string;
  /** A file with `GATEHOUSE_KEYS`; undefined: the environment, or else the file of `npm start`. */
  envFile: string | undefined;
}

/**
 * Sends a request of the operator to a gate. Returns the answer's JSON. Throws an Error whose message says why there is
 * none, or that the status wasn't `expected`.
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
    throw new Error(`${url} can't be reached: ${reasonOf(error)}`);
  });
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.status === expected) return answer;
  const hint = response.status === 401 ? ` (the keys are from ${from})` : '';
  throw new Error(
    `${url} answered ${response.status}: ${answer.error_description ?? 'no reason given'}${hint}`,
  );
}

/** Why `fetch` failed; its own message only says that it did. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return code ?? message ?? String(cause);
}

/** The keys of the environment, or else of a file. For a remote gate, only of a file that was given explicitly. */
function findKeys(url: string, envFile: string | undefined): { keys: string; from: string } {
  if (process.env.GATEHOUSE_KEYS && envFile === undefined) {
    return { keys: process.env.GATEHOUSE_KEYS, from: 'the environment' };
  }
  const file = envFile ?? (url.startsWith('http:') ? LOCAL_FILE : undefined);
  const keys =
    file !== undefined && existsSync(file) ? parseEnv(readFileSync(file, 'utf8')).GATEHOUSE_KEYS : '';
  if (file === undefined || !keys) {
    throw new Error('GATEHOUSE_KEYS is missing: set it in the environment, or give a file with --env-file');
  }
  return { keys, from: file };
}

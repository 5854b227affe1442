import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** The text of a new `GATEHOUSE_KEYS`: one master key, named after this month, and the key for ids. */
export function makeKeys(now = new Date()): string {
  const key = () => randomBytes(32).toString('base64');
  return JSON.stringify({ [now.toISOString().slice(0, 7)]: key(), ids: key() });
}

/**
 * Makes sure that a `.dev.vars` has `GATEHOUSE_KEYS`: creates the file (mode 600) or adds the line if it is missing,
 * and changes nothing else. Returns whether it wrote.
 */
export function ensureLocalKeys(path: string): boolean {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  if (before !== undefined && parseEnv(before).GATEHOUSE_KEYS) return false;
  const start = before ?? '# Secrets for local development. Never committed.\n';
  const gap = start === '' || start.endsWith('\n') ? '' : '\n';
  writeFileSync(path, `${start}${gap}GATEHOUSE_KEYS='${makeKeys()}'\n`, { mode: 0o600 });
  return true;
}

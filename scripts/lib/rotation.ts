import { randomBytes } from 'node:crypto';

/*
 * Rotating `GATEHOUSE_KEYS`. First, a key is added after the current one, so that every instance can decrypt what it
 * will seal and every server knows its signatures. Then it is made the first one. Then the old keys are removed.
 */

export const STEPS = ['add', 'first', 'drop'] as const;
export type Step = (typeof STEPS)[number];

type Keys = Record<string, string>;

/** The names of the master keys, the current one first. Throws an error that says how to fix the secret. */
export function versionsOf(text: string): string[] {
  return Object.keys(masterKeys(read(text)));
}

/** The secret after one step. Throws an error that says why, when the step doesn't make sense now. */
export function rotateKeys(text: string, step: Step, now = new Date()): string {
  const { ids, ...keys } = read(text);
  const [current = '', ...others] = Object.keys(masterKeys(keys));
  const done = { add: addKey, first: makeFirst, drop: dropOld }[step](keys, current, others, now);
  return JSON.stringify({ ...done, ids });
}

function addKey(keys: Keys, current: string, _others: string[], now: Date): Keys {
  const { [current]: sealing = '', ...others } = keys;
  const day = now.toISOString().slice(0, 10);
  const names = [day.slice(0, 7), day, ...Array.from({ length: 9 }, (_, n) => `${day}-${n + 2}`)];
  // Newer names sort after older ones, so that the next step knows which key is the new one.
  const name = names.find((one) => keys[one] === undefined && one > current);
  if (name === undefined) throw new Error(`No name of today sorts after "${current}". Add the key by hand.`);
  return { [current]: sealing, [name]: randomBytes(32).toString('base64'), ...others };
}

function makeFirst(keys: Keys, current: string, [next]: string[]): Keys {
  if (next === undefined) throw new Error('There is only one master key. Run the step "add" first.');
  if (next < current) throw new Error(`"${current}" is the newest master key, and it is already the first.`);
  const { [next]: fresh = '', ...others } = keys;
  return { [next]: fresh, ...others };
}

function dropOld(keys: Keys, current: string, [next]: string[]): Keys {
  if (next === undefined) throw new Error('There is only one master key, so there is nothing to drop.');
  if (next > current)
    throw new Error(`"${next}" was added but isn’t the first yet. Run the step "first" before this one.`);
  return { [current]: keys[current] ?? '' };
}

function masterKeys({ ids: _, ...keys }: Keys): Keys {
  return keys;
}

function read(text: string): Keys {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error('GATEHOUSE_KEYS isn’t valid JSON.');
  }
  const keys = parsed as Keys | null;
  const whole = typeof keys === 'object' && keys !== null && typeof keys.ids === 'string';
  if (!whole || Object.keys(keys).length < 2) throw new Error('GATEHOUSE_KEYS needs a master key and "ids".');
  if (Object.values(keys).some((value) => typeof value !== 'string')) throw new Error('A key isn’t text.');
  return keys;
}

/** Finds the secret in a `.dev.vars`, or in the JSON of `wrangler secret bulk`; undefined when it isn't there. */
export function readSecretsFile(text: string): string | undefined {
  if (text.trimStart().startsWith('{')) {
    const secrets = JSON.parse(text) as { GATEHOUSE_KEYS?: unknown };
    return typeof secrets.GATEHOUSE_KEYS === 'string' ? secrets.GATEHOUSE_KEYS : undefined;
  }
  return LINE.exec(text)?.[2];
}

/** The file with the new secret in it, and everything else unchanged. */
export function writeSecretsFile(text: string, keys: string): string {
  if (!text.trimStart().startsWith('{')) return text.replace(LINE, () => `GATEHOUSE_KEYS='${keys}'`);
  return `${JSON.stringify({ ...(JSON.parse(text) as object), GATEHOUSE_KEYS: keys }, null, 2)}\n`;
}

const LINE = /^GATEHOUSE_KEYS *= *(['"]?)(\{.*\})\1[ \t]*$/m;

import { randomBytes } from 'node:crypto';

/*
 * `GATEHOUSE_KEYS` over time. A key is added behind the current one first, so that every instance can open what it
 * will seal and every server knows what it will sign; then it is made the first; then the old ones go.
 */

export const STEPS = ['add', 'first', 'drop'] as const;
export type Step = (typeof STEPS)[number];

type Keys = Record<string, string>;

/** The names of the master keys, the current one first. Throws what a person can mend. */
export function versionsOf(text: string): string[] {
  return Object.keys(masterKeys(read(text)));
}

/** The secret after one step. Throws, in a sentence, when the step makes no sense now. */
export function rotateKeys(text: string, step: Step, now = new Date()): string {
  const { ids, ...keys } = read(text);
  const [current = '', ...behind] = Object.keys(masterKeys(keys));
  const done = { add: addKey, first: makeFirst, drop: dropOld }[step](keys, current, behind, now);
  return JSON.stringify({ ...done, ids });
}

function addKey(keys: Keys, current: string, _behind: string[], now: Date): Keys {
  const { [current]: sealing = '', ...others } = keys;
  const day = now.toISOString().slice(0, 10);
  const names = [day.slice(0, 7), day, ...Array.from({ length: 9 }, (_, n) => `${day}-${n + 2}`)];
  // Newer names sort behind older ones: that is how the next step knows which is the new one.
  const name = names.find((one) => keys[one] === undefined && one > current);
  if (name === undefined) throw new Error(`No name of today sorts behind "${current}": add the key by hand.`);
  return { [current]: sealing, [name]: randomBytes(32).toString('base64'), ...others };
}

function makeFirst(keys: Keys, current: string, [next]: string[]): Keys {
  if (next === undefined) throw new Error('There is one master key only: run the step "add" first.');
  if (next < current) throw new Error(`"${current}" is the newest master key, and it is the first already.`);
  const { [next]: fresh = '', ...others } = keys;
  return { [next]: fresh, ...others };
}

function dropOld(keys: Keys, current: string, [next]: string[]): Keys {
  if (next === undefined) throw new Error('There is one master key only: nothing to drop.');
  if (next > current)
    throw new Error(`"${next}" was added and is not the first yet: run the step "first" before.`);
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
    throw new Error('GATEHOUSE_KEYS is not JSON.');
  }
  const keys = parsed as Keys | null;
  const whole = typeof keys === 'object' && keys !== null && typeof keys.ids === 'string';
  if (!whole || Object.keys(keys).length < 2) throw new Error('GATEHOUSE_KEYS needs a master key and "ids".');
  if (Object.values(keys).some((value) => typeof value !== 'string')) throw new Error('A key is no text.');
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

/** The file with another secret in it, and all else as it was. */
export function writeSecretsFile(text: string, keys: string): string {
  if (!text.trimStart().startsWith('{')) return text.replace(LINE, () => `GATEHOUSE_KEYS='${keys}'`);
  return `${JSON.stringify({ ...(JSON.parse(text) as object), GATEHOUSE_KEYS: keys }, null, 2)}\n`;
}

const LINE = /^GATEHOUSE_KEYS *= *(['"]?)(\{.*\})\1[ \t]*$/m;

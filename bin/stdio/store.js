// @ts-check
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Ending, EXIT } from './exit.js';
import { asObject, parseJson } from './message.js';

/** @import { StoredSignIn } from './types.ts' */

/** Milliseconds. The holder of a lock does one refresh, which has a shorter time limit. */
const STALE = 60_000;
const POLL = 50;

/** The sign-in for one URL, in a file that only its user can read. A lock file makes processes take turns. */
export class SignInStore {
  #folder;
  #file;
  #url;

  /**
   * @param {string} config the configuration folder
   * @param {URL} url
   */
  constructor(config, url) {
    this.#folder = join(config, 'stdio');
    this.#url = url.href;
    const hash = createHash('sha256').update(url.href).digest('hex').slice(0, 16);
    this.#file = join(this.#folder, `${url.hostname.replace(/[^a-z0-9.-]/gi, '_')}-${hash}.json`);
  }

  /** @returns {Promise<StoredSignIn | undefined>} undefined: there is none that can be read */
  async read() {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    const value = asObject(parseJson(text));
    const texts = [value.resource, value.issuer, value.client_id, value.access_token];
    const whole = value.url === this.#url && texts.every((member) => typeof member === 'string');
    return whole ? /** @type {StoredSignIn} */ (/** @type {unknown} */ (value)) : undefined;
  }

  /**
   * Replaces it atomically: a concurrent reader sees either the old or the new one.
   * @param {StoredSignIn} signIn
   */
  async write(signIn) {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const draft = `${this.#file}.${randomUUID()}`;
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(signIn, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.#file);
  }

  async remove() {
    await rm(this.#file, { force: true });
  }

  /** Checks that a sign-in can be saved; throws an {@link Ending} otherwise. */
  async ready() {
    await this.locked(async () => undefined);
  }

  /**
   * Runs `work` while no other process does. The lock of a process that died is taken over after a minute. Throws an
   * {@link Ending} when locking isn't possible.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async locked(work) {
    const lock = `${this.#file}.lock`;
    const mark = randomUUID();
    const unusable = (/** @type {{ code?: string }} */ { code }) => {
      throw new Ending(EXIT.usage, `sign-ins can’t be saved in ${this.#folder} (${code})`);
    };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 }).catch(unusable);
    while (!(await take(lock, mark).catch(unusable))) await wait(POLL);
    try {
      return await work();
    } finally {
      if ((await readFile(lock, 'utf8').catch(() => '')) === mark) await rm(lock, { force: true });
    }
  }
}

/**
 * @param {string} lock
 * @param {string} mark
 * @returns {Promise<boolean>}
 */
async function take(lock, mark) {
  const draft = `${lock}.${mark}`;
  const file = await open(draft, 'w', 0o600);
  await file.writeFile(mark);
  await file.close();
  try {
    // `link` fails if the file exists, and the file is complete from the start.
    await link(draft, lock);
    return true;
  } catch (error) {
    // On a file system without links (EPERM), the lock would never become free.
    if (asObject(error).code !== 'EEXIST') throw error;
    const age =
      Date.now() -
      (await stat(lock)
        .then(({ mtimeMs }) => mtimeMs)
        .catch(() => Date.now()));
    if (age > STALE) await discard(lock, draft);
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a stale lock. Two processes may try at once: the second one notices that it has moved a new lock, and puts it
 * back.
 * @param {string} lock
 * @param {string} draft
 */
async function discard(lock, draft) {
  const aside = `${draft}.aside`;
  await rename(lock, aside).catch(() => undefined);
  const age =
    Date.now() -
    (await stat(aside)
      .then(({ mtimeMs }) => mtimeMs)
      .catch(() => 0));
  if (age <= STALE) await link(aside, lock).catch(() => undefined);
  await rm(aside, { force: true });
}

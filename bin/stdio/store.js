// @ts-check
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Ending, EXIT } from './exit.js';
import { asObject, parseJson } from './message.js';

/** @import { StoredSignIn } from './types.ts' */

/** Milliseconds. Whoever holds a lock does one refresh, which takes no longer than its own time limit. */
const STALE = 60_000;
const POLL = 50;

/** The sign-in of one URL, in a file that only its user may read; processes take turns by a lock beside it. */
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
   * Replaces it in one step: whoever reads meanwhile sees the old one or the new one.
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

  /** Whether a sign-in can be kept at all; throws an {@link Ending} otherwise. */
  async ready() {
    await this.alone(async () => undefined);
  }

  /**
   * Runs `work` while no other process does. A lock whose process died is taken over after a minute. Throws an
   * {@link Ending} where there can be no lock.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async alone(work) {
    const lock = `${this.#file}.lock`;
    const mark = randomUUID();
    const unusable = (/** @type {{ code?: string }} */ { code }) => {
      throw new Ending(EXIT.usage, `no sign-in can be kept in ${this.#folder} (${code})`);
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
    // A link is made only where there is none, and is never seen empty.
    await link(draft, lock);
    return true;
  } catch (error) {
    // A file system without links (EPERM) would else be one where the lock is never free.
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
 * Moves a dead lock out of the way. Two may try: the second one finds a living lock in its hand, and puts it back.
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

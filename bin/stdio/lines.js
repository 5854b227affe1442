// @ts-check
import { setTimeout as wait } from 'node:timers/promises';

/** @import { Readable, Writable } from 'node:stream' */

const NEWLINE = 0x0a;
/** Milliseconds. */
const APART = 5;

/**
 * Passes on each line of a stream, without its newline. Only a newline ends a line: Node's `readline` also splits at
 * U+2028, which JSON allows inside a string.
 * @param {Readable} input
 * @param {(line: string) => void} take
 * @returns {Promise<void>} when the stream has ended
 */
export function readLines(input, take) {
  /** @type {Buffer[]} */
  let parts = [];
  const end = () => {
    const line = Buffer.concat(parts).toString('utf8').trim();
    parts = [];
    if (line !== '') take(line);
  };
  return new Promise((resolve) => {
    input.on('data', (/** @type {Buffer} */ chunk) => {
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        parts.push(chunk.subarray(from, at));
        from = at + 1;
        end();
      }
      parts.push(chunk.subarray(from));
    });
    const done = () => {
      end();
      resolve();
    };
    input.once('end', done).once('close', done).once('error', done);
  });
}

/**
 * Writes lines to a stream, in order, as fast as its reader reads them.
 */
export class LineWriter {
  #output;
  #turn = Promise.resolve();
  #written = 0;

  /** @param {Writable} output */
  constructor(output) {
    this.#output = output;
  }

  /**
   * Resolves when the stream accepts more. `apart`: not in the same chunk as the line before. The SDKs' clients handle
   * the answer to a call before the messages in front of it in the same chunk, and so lose the last progress.
   * @param {string} line
   * @param {boolean} [apart]
   * @returns {Promise<void>}
   */
  write(line, apart = false) {
    this.#turn = this.#turn.then(async () => {
      if (apart && Date.now() - this.#written < APART) await wait(APART);
      this.#written = Date.now();
      await this.#put(`${line}\n`);
    });
    return this.#turn;
  }

  /** Resolves when all that was written has been handed on. */
  idle() {
    return this.#turn;
  }

  /** @param {string} text */
  #put(text) {
    const output = this.#output;
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      // If the reader has gone, the stream emits 'error'.
      if (output.destroyed || output.write(text)) return resolve();
      const done = () => {
        output.off('drain', done).off('close', done);
        resolve();
      };
      output.on('drain', done).on('close', done);
    });
  }
}

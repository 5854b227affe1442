// @ts-check

/** @import { Readable, Writable } from 'node:stream' */

const NEWLINE = 0x0a;

/**
 * Hands on each line of a stream, without its end. Only a newline ends one: Node's `readline` also splits at
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
 * Writes lines to a stream, as fast as its reader takes them.
 * @param {Writable} output
 * @returns {(line: string) => Promise<void>} resolves when there is room for more
 */
export function lineWriter(output) {
  return (line) =>
    new Promise((resolve) => {
      // A reader that has gone is heard of by the stream's 'error'.
      if (output.destroyed || output.write(`${line}\n`)) return resolve();
      const done = () => {
        output.off('drain', done).off('close', done);
        resolve();
      };
      output.on('drain', done).on('close', done);
    });
}

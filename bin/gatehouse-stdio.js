#!/usr/bin/env node
// @ts-check
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { Bridge } from './stdio/bridge.js';
import { fixedCredential, SignIn } from './stdio/credential.js';
import { Endpoint } from './stdio/endpoint.js';
import { Ending, EXIT } from './stdio/exit.js';
import { HELP } from './stdio/help.js';
import { LineWriter, readLines } from './stdio/lines.js';
import { parseOptions } from './stdio/options.js';
import { keepSecret, say } from './stdio/say.js';

/** @import { Run } from './stdio/types.ts' */

/** Milliseconds for writing the last lines: a pipe may be slow, or have no reader. */
const FLUSH = 500;

/** @returns {Promise<number>} one of {@link EXIT} */
async function main() {
  const command = parseOptions(process.argv.slice(2), process.env);
  switch (command.kind) {
    case 'help':
      console.log(HELP);
      return EXIT.ended;
    case 'version':
      console.log(createRequire(import.meta.url)('../package.json').version);
      return EXIT.ended;
    case 'wrong':
      say(command.says);
      return command.code;
    case 'logout':
      say(await new SignIn(command.url, { scope: undefined, config: command.config }).signOut());
      return EXIT.ended;
    case 'run':
      return run(command);
  }
}

/** @param {Run} command */
async function run({ login, ...command }) {
  const { url, headers, patience } = command;
  // Only LineWriter writes to the client: anything from console.log would be taken for a message.
  console.log = console.error;
  // Signals and lines count from here on, even while the person signs in.
  const signaled = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve('now'));
    process.stdout.on('error', () => resolve('now'));
  });
  /** @type {string[]} */
  const early = [];
  let take = (/** @type {string} */ line) => {
    early.push(line);
  };
  const terminal = process.stdin.isTTY === true;
  const closed = terminal && login ? new Promise(() => {}) : readLines(process.stdin, (line) => take(line));

  const signIn = login ? new SignIn(url, login) : undefined;
  if (signIn) {
    const opened = await Promise.race([signIn.open(), signaled, closed.then(() => 'now')]);
    if (opened === 'now') return EXIT.ended;
    if (terminal) {
      say('the sign-in is saved; clients that run the same command will use it');
      return EXIT.ended;
    }
  }
  const credential = signIn ?? fixedCredential({ ...command, login });
  keepSecret(credential.secrets());
  const endpoint = new Endpoint({ url, headers, credential, patience });
  const out = new LineWriter(process.stdout);
  const bridge = new Bridge({ endpoint, out });
  take = (line) => bridge.take(line);
  for (const line of early) take(line);
  if (terminal)
    say('connected to this terminal, where a client would write JSON-RPC messages; press Ctrl-D to exit');

  const ended = await Promise.race([bridge.failed, signaled, closed.then(() => 'closed')]);
  if (!(ended instanceof Ending)) await bridge.close(ended === 'now');
  await Promise.race([out.idle(), wait(FLUSH)]);
  if (ended instanceof Ending) throw ended;
  return EXIT.ended;
}

main()
  .catch((error) => {
    say(error instanceof Ending ? error.message : `the bridge failed: ${error?.stack}`);
    return error instanceof Ending ? error.code : EXIT.usage;
  })
  .then((code) => {
    process.stdout.write('', () => process.exit(code));
    setTimeout(() => process.exit(code), FLUSH);
  });

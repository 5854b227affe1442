/**
 * `npm run first-call`: measures the time from a clean clone to the first answer of `whoami`, with the commands of the
 * README. Fails when a step fails, or all take more than two minutes.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { callTool } from './lib/mcp.ts';
import { authorizationParams, exchangeCode, makePkce, registerClient } from './lib/oauth.ts';
import { freePort } from './lib/ports.ts';
import { endGroup, spawnGroup } from './lib/program.ts';
import { Walker } from './lib/walk.ts';
import { ROOT } from './lib/wrangler.ts';

const LIMIT = 120;
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-clone-'));
const clone = join(folder, 'gatehouse');
const began = performance.now();
let last = began;
let running: ChildProcess | undefined;
const alarm = setTimeout(() => finish(`not done after ${LIMIT} s`), LIMIT * 1000);

try {
  await run('git', ['clone', '--quiet', ROOT, clone], ROOT);
  lap('git clone');
  await run('npm', ['ci', '--no-audit', '--no-fund'], clone);
  lap('npm ci');
  const port = await freePort(2);
  const address = await start(port);
  lap('npm start');
  const origin = new URL(address).origin;
  const client = await registerClient(origin, 'http://127.0.0.1:33418/callback', {
    client_name: 'First call',
  });
  const { code_verifier, code_challenge } = makePkce();
  const callback = await new Walker(origin).allow(authorizationParams(client, code_challenge), 'Ada');
  const tokens = await exchangeCode(origin, client, callback, code_verifier);
  lap('register, sign in, allow');
  const answer = await callTool(address, tokens.access_token, 'whoami');
  lap('whoami');
  console.log(JSON.stringify(answer.structuredContent));
  await finish(JSON.stringify(answer).includes('"Ada"') ? undefined : 'whoami doesn’t know who called it');
} catch (error) {
  await finish(error instanceof Error ? error.message : String(error));
}

function lap(step: string): void {
  const now = performance.now();
  console.log(`${((now - last) / 1000).toFixed(1).padStart(6)} s  ${step}`);
  last = now;
}

/** Runs a program to its end. If it fails, throws an error with its output. */
async function run(command: string, args: string[], cwd: string): Promise<void> {
  const child = spawnGroup(command, args, { cwd, env: cleanEnv() });
  running = child;
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
}

/** Runs `npm start` in the clone; returns the address for clients that it prints. */
function start(port: number): Promise<string> {
  const child = spawnGroup('npm', ['start', '--', '--port', `${port}`], { cwd: clone, env: cleanEnv() });
  running = child;
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const address = /Point a client at (\S+)/.exec(output)?.[1];
      if (address) resolve(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
}

/** The environment without the variables that npm sets to run this script. */
function cleanEnv(): Record<string, string | undefined> {
  const npm = Object.keys(process.env).filter((name) => /^npm_|^INIT_CWD$|^NODE$/.test(name));
  const path = process.env.PATH?.split(delimiter).filter((part) => !part.startsWith(ROOT));
  return { ...Object.fromEntries(npm.map((name) => [name, undefined])), PATH: path?.join(delimiter) };
}

async function finish(problem: string | undefined): Promise<void> {
  clearTimeout(alarm);
  if (running) await endGroup(running);
  rmSync(folder, { recursive: true, force: true });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (problem === undefined) console.log(`${seconds.padStart(6)} s  from a clean clone to the first call`);
  else console.error(`Failed after ${seconds} s: ${problem}`);
  process.exit(problem === undefined ? 0 : 1);
}

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort, isFree } from '../../scripts/lib/ports';
import { ROOT } from '../../scripts/lib/wrangler';
import { startProgram } from '../fixtures/program';
import type { Gate } from './harness/gate';
import { registerClient } from './harness/oauth';
import { plainGate } from './harness/shared';
import { walk } from './harness/walk';

/** Its own default, unless somebody has it already. */
const DEFAULT_PORT = 3000;

let gate: Gate;
beforeAll(async () => {
  gate = await plainGate();
});

test('the authorization mode of the conformance suite passes, both scenarios in one run', async () => {
  const port = (await isFree(DEFAULT_PORT)) ? DEFAULT_PORT : await freePort();
  const { client_id } = await registerClient(gate.origin, `http://127.0.0.1:${port}/callback`);
  const results = mkdtempSync(join(tmpdir(), 'conformance-'));
  onTestFinished(() => rmSync(results, { recursive: true, force: true }));
  const run = startConformance(
    ['--url', gate.origin, '--client-id', client_id, '--resource', `${gate.origin}/mcp`],
    ['-p', `${port}`, '-o', results],
  );
  const callback = await walk(gate).allow(await run.asksToVisit(), 'Ada');
  await fetch(callback);

  expect(await run.ended, run.output()).toBe(0);
  const scenarios = readdirSync(results, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('checks.json'))
    .map((file) => JSON.parse(readFileSync(join(results, file), 'utf8')) as { id: string; status: string }[]);
  expect(scenarios).toHaveLength(2);
  expect(scenarios.flat().filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
});

function startConformance(...args: string[][]) {
  const bin = join(ROOT, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
  const run = startProgram(process.execPath, [bin, 'authorization', ...args.flat()]);
  return {
    ...run,
    /** The parameters of the authorization request that it asks a person to visit. */
    asksToVisit: async (): Promise<Record<string, string>> => {
      const [address] = await run.says(/^http\S+\/authorize\?\S+$/m);
      return Object.fromEntries(new URL(address).searchParams);
    },
  };
}

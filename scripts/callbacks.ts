/**
 * `npm run callbacks`: the redirect URI to register at each server's provider, where the gate is registered by hand.
 * A line for each server goes to stdout: its name, a tab, the URI. What could not be found out goes to stderr.
 */
import { parseArgs } from 'node:util';
import { readOrigin } from './lib/key-options.ts';
import { operate } from './lib/operate.ts';

const USAGE = `npm run callbacks -- [options]

  --url ORIGIN        where the gate is; default: http://localhost:8787
  --env-file FILE     where GATEHOUSE_KEYS stands, if not in the environment`;

interface Item {
  server: string;
  redirect_uri: string;
  problem?: string;
}

try {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://localhost:8787' },
      'env-file': { type: 'string' },
    },
  });
  const deployment = { url: readOrigin(values.url), envFile: values['env-file'] };
  const request = { method: 'GET', path: '/api/admin/callbacks', body: '' };
  const { items } = await operate(deployment, request, 200);
  for (const { server, redirect_uri, problem } of items as Item[]) {
    if (problem) console.error(`${server}: its provider can't be asked now (${problem})`);
    console.log(`${server}\t${redirect_uri}`);
  }
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}

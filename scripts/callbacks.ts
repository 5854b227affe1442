/**
 * `npm run callbacks`: prints the redirect URI to register at each server's provider, for providers where the gate is
 * registered by hand. Each line on stdout has a server's name, a tab, and the URI. Problems go to stderr.
 */
import { parseArgs } from 'node:util';
import { readOrigin } from './lib/key-options.ts';
import { operate } from './lib/operate.ts';

const USAGE = `npm run callbacks -- [options]

  --url ORIGIN        the gate's origin; default: http://localhost:8787
  --env-file FILE     a file with GATEHOUSE_KEYS, if it isn't in the environment`;

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
    if (problem) console.error(`${server}: its provider couldn't be reached (${problem})`);
    console.log(`${server}\t${redirect_uri}`);
  }
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}

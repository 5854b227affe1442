/**
 * `npm run keys:create`: creates a service account with its access key. It is authorized by the deployment's own
 * secret, for a gate where no admin can sign in with a browser. Only the key goes to stdout, so that it can be piped.
 */
import { type KeyOptions, readKeyOptions, USAGE } from './lib/key-options.ts';
import { operate } from './lib/operate.ts';

try {
  await createKey(readKeyOptions(process.argv.slice(2)));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}

async function createKey({ request, ...deployment }: KeyOptions): Promise<void> {
  const body = JSON.stringify(request);
  const { key, ...rest } = await operate(deployment, { method: 'POST', path: '/api/admin/keys', body }, 201);
  for (const [name, value] of Object.entries(rest)) console.error(`${name}: ${value}`);
  console.log(key);
}

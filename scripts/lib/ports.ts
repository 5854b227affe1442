import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what operating systems hand out by themselves: else a program that asks for any port may get it first. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;

/** A TCP port on loopback, of both families, that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port;
  }
  throw new Error(`no free port among ${ATTEMPTS} of ${LOWEST} to ${HIGHEST}`);
}

/** Whether nobody listens on a port; an address family that this computer lacks counts as free. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

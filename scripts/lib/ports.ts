import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that operating systems assign: otherwise, a program that asks for any port may get it first. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;

/**
 * A TCP port on loopback that is free at this moment; with `count`, the first of that many consecutive free ports,
 * since `npm start` needs two.
 */
export async function freePort(count = 1): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    const all = Array.from({ length: count }, (_, offset) => isFreeOnLoopback(port + offset));
    if (!(await Promise.all(all)).includes(false)) return port;
  }
  throw new Error(`no free port among ${ATTEMPTS} of ${LOWEST} to ${HIGHEST}`);
}

/** Whether a port is free on loopback, in both address families. */
export async function isFreeOnLoopback(port: number): Promise<boolean> {
  return (await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'));
}

/** Whether a port is free. It also counts as free if this computer doesn't have the address family. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

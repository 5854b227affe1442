import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A client's redirect target on loopback. */
export interface Callback {
  /** `http://127.0.0.1:{port}/callback`: the `redirect_uri` to register. */
  readonly uri: string;
  /** The next redirect that arrives at it (or one that has arrived and wasn't asked for yet). */
  next(timeout?: number): Promise<URL>;
  close(): Promise<void>;
}

/**
 * Listens where a client would. `answer` may send the browser on, as many clients do: the address is the
 * `Location` of a 302. Without it the page says that it is done.
 */
export async function startCallback(
  options: { port?: number; answer?: (url: URL) => string } = {},
): Promise<Callback> {
  const arrived: URL[] = [];
  const waiting: ((url: URL) => void)[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', uri);
    if (url.pathname !== '/callback') {
      response.writeHead(404).end();
      return;
    }
    const take = waiting.shift();
    if (take) take(url);
    else arrived.push(url);
    if (options.answer) response.writeHead(302, { location: options.answer(url) }).end();
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Done</title><p>Done</p>');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
  return {
    uri,
    next: (timeout = 10_000) => {
      const here = arrived.shift();
      if (here) return Promise.resolve(here);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(take), 1);
          reject(new Error(`no redirect came to ${uri} within ${timeout} ms`));
        }, timeout);
        const take = (url: URL) => {
          clearTimeout(timer);
          resolve(url);
        };
        waiting.push(take);
      });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

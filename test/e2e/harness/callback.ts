import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { found } from '../../patience';

/** A client's redirect target on loopback. */
export interface Callback {
  /** `http://127.0.0.1:{port}/callback`: the `redirect_uri` to register. */
  readonly uri: string;
  /** The next redirect that arrives at it (or one that has arrived and wasn't asked for yet). */
  next(): Promise<URL>;
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
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', uri);
    if (url.pathname !== '/callback') {
      response.writeHead(404).end();
      return;
    }
    arrived.push(url);
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
    next: () =>
      found(
        () => arrived.shift(),
        () => `no redirect came to ${uri}`,
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

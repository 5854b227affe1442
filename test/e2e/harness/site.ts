import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody else's website, on loopback; to a browser `127.0.0.1` is another site than `localhost`. */
export interface OtherSite {
  readonly origin: string;
  /** What its pages say from now on. */
  show(body: string): void;
  close(): Promise<void>;
}

export async function startOtherSite(): Promise<OtherSite> {
  let shown = '';
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><title>Somebody else</title>${shown}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    show: (body) => {
      shown = body;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { isolateCache } from '../caches';

/*
 * Servers that lately failed to list what they have: nobody waits for a dead server twice in a row, and `/health`
 * names it.
 */

/** For how long a server that failed isn't asked the same again, in ms. */
const PAUSE_MS = 10_000;

interface Failure {
  server: string;
  /** Milliseconds since the epoch. */
  at: number;
}

const failuresOf = isolateCache<Failure>('serverFailures');

/** Notes that a server failed just now. `asked`: by whom and for what. */
export function rememberFailure(env: object, server: string, asked: string): void {
  failuresOf(env).set(`${server} ${asked}`, { server, at: Date.now() });
}

/** Whether a server failed so recently at the same that asking again would only cost time. */
export function recentFailure(env: object, server: string, asked: string): boolean {
  const failure = failuresOf(env).get(`${server} ${asked}`);
  return failure !== undefined && Date.now() - failure.at < PAUSE_MS;
}

/** Forgets a failure: the server answered. */
export function forgetFailure(env: object, server: string, asked: string): void {
  failuresOf(env).delete(`${server} ${asked}`);
}

/** The names of the servers that failed somebody in the last minute, as far as this isolate knows. */
export function failingServers(env: object): string[] {
  return [
    ...new Set(
      failuresOf(env)
        .values()
        .map(({ server }) => server),
    ),
  ];
}

/*
 * Servers that lately failed to list what they have, per isolate: nobody waits for a dead server twice in a row,
 * and `/health` can name it.
 */

/** How long a failure is taken for granted, in ms. */
const REMEMBERED_MS = 10_000;
/** How long it is told of. */
const TOLD_MS = 60_000;
const MAX_FAILURES = 1_000;

interface Failure {
  server: string;
  detail: string;
  at: number;
}

const failures = new WeakMap<object, Map<string, Failure>>();

function failuresOf(env: object): Map<string, Failure> {
  const found = failures.get(env) ?? new Map<string, Failure>();
  failures.set(env, found);
  return found;
}

/** Notes that a server failed just now. `asked`: by whom and for what. `detail`: no secrets. */
export function rememberFailure(env: object, server: string, asked: string, detail: string): void {
  const known = failuresOf(env);
  if (known.size >= MAX_FAILURES) known.delete(known.keys().next().value ?? '');
  known.set(`${server} ${asked}`, { server, detail, at: Date.now() });
}

/** Whether a server failed so recently at the same that asking again would only cost time. */
export function recentFailure(env: object, server: string, asked: string): boolean {
  const failure = failuresOf(env).get(`${server} ${asked}`);
  return failure !== undefined && Date.now() - failure.at < REMEMBERED_MS;
}

/** Forgets a failure: the server answered. */
export function forgetFailure(env: object, server: string, asked: string): void {
  failuresOf(env).delete(`${server} ${asked}`);
}

/** The names of the servers that failed somebody in the last minute, as far as this isolate knows. */
export function failingServers(env: object): string[] {
  const recent = [...failuresOf(env).values()].filter(({ at }) => Date.now() - at < TOLD_MS);
  return [...new Set(recent.map(({ server }) => server))];
}

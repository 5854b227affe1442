import { parseArgs } from 'node:util';
import type { Deployment } from './operate.ts';

/** The options of `npm run keys:create`, as the API takes them. */
export interface KeyOptions extends Deployment {
  request: {
    name: string;
    role?: string;
    scope?: string;
    servers?: string[];
    groups?: string[];
    expires_in?: number;
  };
}

export const USAGE = `npm run keys:create -- --name NAME [options]

  --name NAME         what the key is for
  --role ROLE         viewer, member (default), owner, or admin
  --scope SCOPES      such as "mcp:read"; default: mcp:read mcp:write, as far as the role allows
  --servers A,B       names of servers; default: all current servers
  --groups A,B        groups of the service account, for servers that are limited to groups
  --expires WHEN      90d (default), or the last day as YYYY-MM-DD
  --url ORIGIN        the gate's origin; default: http://localhost:8787
  --env-file FILE     a file with GATEHOUSE_KEYS, if it isn't in the environment`;

/** Reads the arguments of the command. Throws an Error whose message says what is wrong. */
export function readKeyOptions(args: readonly string[], now = Date.now()): KeyOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      name: { type: 'string' },
      role: { type: 'string' },
      scope: { type: 'string' },
      servers: { type: 'string' },
      groups: { type: 'string' },
      expires: { type: 'string' },
      url: { type: 'string', default: 'http://localhost:8787' },
      'env-file': { type: 'string' },
    },
  });
  const { name, role, scope, servers, groups, expires } = values;
  if (!name) throw new Error('--name is missing');
  const request = {
    name,
    ...(role === undefined ? {} : { role }),
    ...(scope === undefined ? {} : { scope }),
    ...(servers === undefined ? {} : { servers: readNames('--servers', servers) }),
    ...(groups === undefined ? {} : { groups: readNames('--groups', groups) }),
    ...(expires === undefined ? {} : { expires_in: readEnd(expires, now) }),
  };
  return { url: readOrigin(values.url), envFile: values['env-file'], request };
}

/** A comma-separated list. An empty one is refused, since it is most likely a variable that wasn't set. */
function readNames(option: string, text: string): string[] {
  const names = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (names.length === 0)
    throw new Error(`${option} is empty: give at least one name, or leave the option out`);
  return names;
}

/** Seconds from now, of `90d` or until the last second of a day (UTC). */
function readEnd(text: string, now: number): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const seconds = days === undefined ? secondsTo(text, now) : Number(days) * 86_400;
  if (seconds === undefined)
    throw new Error(`--expires ${text} isn’t valid: use 90d, or a day such as 2027-01-31`);
  if (seconds < 1) throw new Error(`--expires ${text} is in the past`);
  return seconds;
}

/** Undefined if the text isn't a day. `Date` takes a day past the end of a month for one of the next. */
function secondsTo(day: string, now: number): number | undefined {
  const begins = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(begins.getTime()) || begins.toISOString().slice(0, 10) !== day) return undefined;
  return begins.getTime() / 1000 + 86_399 - Math.floor(now / 1000);
}

/** The origin in `--url`. Plain http is only for this computer, since the answer may contain a key. */
export function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return url.origin;
  throw new Error(`--url ${text} isn’t valid: use https://… (http:// only for this computer)`);
}

import { QUOTED, quotable } from './secret-text';

/*
 * The one place that writes to the log: a linter's rule keeps `console` out of every other file, so that no
 * caller can forget what may stand there.
 */

export type LogLevel = 'log' | 'warn' | 'error';

/** How deep an event's details are written, and how many of each list or table. */
const DEPTH = 4;
const MEMBERS = 30;

/**
 * Writes one event as a line of JSON. Texts are held to {@link quotable}, wherever they stand in it: `most`
 * characters each, no secret of ours, no control characters.
 */
export function writeLog(level: LogLevel, event: object, most = QUOTED): void {
  console[level](JSON.stringify(loggable(event, most, DEPTH)));
}

/** What of a value may stand in a log line. */
function loggable(value: unknown, most: number, depth: number): unknown {
  if (typeof value === 'string') return quotable(value, most);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'bigint') return quotable(value.toString(), most);
  if (typeof value !== 'object') return undefined;
  if (value instanceof Error) return quotable(`${value.name}: ${value.message}`, most);
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.slice(0, MEMBERS).map((one) => loggable(one, most, depth - 1));
  const members = Object.entries(value).slice(0, MEMBERS);
  return Object.fromEntries(
    members.map(([name, one]) => [quotable(name, most), loggable(one, most, depth - 1)]),
  );
}

import { QUOTED, quotableIn } from './secret-text';

/*
 * The only file that writes to the log. A lint rule forbids `console` in every other file, so that no caller can forget
 * to remove secrets.
 */

/**
 * Writes one event as a line of JSON. Every text in it is limited by `quotable`: at most `most` characters, none of our
 * secrets, and no control characters.
 */
export function writeLog(level: 'log' | 'warn' | 'error', event: object, most = QUOTED): void {
  console[level](JSON.stringify(quotableIn(event, most)));
}

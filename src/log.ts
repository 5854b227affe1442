import { QUOTED, quotableIn } from './secret-text';

/*
 * The one place that writes to the log: a linter's rule keeps `console` out of every other file, so that no
 * caller can forget what may stand there.
 */

/**
 * Writes one event as a line of JSON. Texts are held to `quotable`, wherever they stand in it: `most` characters
 * each, no secret of ours, no control characters.
 */
export function writeLog(level: 'log' | 'warn' | 'error', event: object, most = QUOTED): void {
  console[level](JSON.stringify(quotableIn(event, most)));
}

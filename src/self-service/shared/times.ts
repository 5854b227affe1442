import { words } from '../../ui';

const dayFormat = new Intl.DateTimeFormat(words.lang, { dateStyle: 'medium', timeZone: 'UTC' });

/** A day as pages show it. `time`: seconds since the epoch. */
export function showDay(time: number): string {
  return dayFormat.format(time * 1000);
}

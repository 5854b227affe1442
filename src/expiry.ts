import { seconds } from './clock';

/* Dates that people choose on a page. Access ends with the last second of that day, UTC. */

const DAY = 86_400;

/**
 * The last second of a day (`YYYY-MM-DD`, UTC), at most `longest` seconds from now; undefined when the day isn't valid,
 * is past, or is too far away. Without a day, the latest time.
 */
export function readExpiry(day: string | null, longest: number): number | undefined {
  const now = seconds();
  if (day === null || day === '') return now + longest;
  const begins = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) / 1000 : Number.NaN;
  // `Date.parse` takes a date that doesn't exist, such as February 30, for a later one.
  if (Number.isNaN(begins) || toDay(begins) !== day) return undefined;
  const ends = begins + DAY - 1;
  if (ends <= now || day > toDay(now + Math.max(longest, DAY))) return undefined;
  return Math.min(ends, now + longest);
}

/** The attributes of a date field: from today to `longest` seconds from now. */
export function expiryChoice(longest: number, typed?: string | null) {
  const now = seconds();
  const max = toDay(now + Math.max(longest, DAY));
  return { min: toDay(now), max, value: typed || max };
}

/** The day (`YYYY-MM-DD`, UTC) of a time in seconds since the epoch. */
export function toDay(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

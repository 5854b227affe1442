import { seconds } from './clock';

/* Days as people choose them on a page: an end is the last second of a day, UTC. */

const DAY = 86_400;

/** The last second of a day, UTC, from today to `longest` seconds ahead; no day means the longest. */
export function readExpiry(day: string | null, longest: number): number | undefined {
  const now = seconds();
  if (day === null || day === '') return now + longest;
  const begins = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) / 1000 : Number.NaN;
  // A date that doesn't exist would be read as a later one.
  if (Number.isNaN(begins) || toDay(begins) !== day) return undefined;
  const ends = begins + DAY - 1;
  if (ends <= now || day > toDay(now + Math.max(longest, DAY))) return undefined;
  return Math.min(ends, now + longest);
}

/** What a field for such a day offers: from today to `longest` seconds ahead. */
export function expiryChoice(longest: number, typed?: string | null) {
  const now = seconds();
  const max = toDay(now + Math.max(longest, DAY));
  return { min: toDay(now), max, value: typed || max };
}

/** `YYYY-MM-DD` of a time in seconds, UTC. */
export function toDay(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** The day of a time (milliseconds since the epoch), `YYYY-MM-DD` in UTC: the name of its `AuditLog` object. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The days from `from` to `to` (milliseconds since the epoch), the latest first. */
export function daysBetween(from: number, to: number): string[] {
  const days: string[] = [];
  for (let at = startOf(to); at > startOf(from) - DAY_MS; at -= DAY_MS) days.push(dayOf(at));
  return days;
}

function startOf(time: number): number {
  return Math.floor(time / DAY_MS) * DAY_MS;
}

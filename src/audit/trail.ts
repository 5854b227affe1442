import type { Deployment } from '../config';
import { ok, type Refusal, type Result, refuse } from '../result';
import { DAY_MS, daysBetween } from './days';
import type { StoredEntry } from './event';
import type { AuditFilter } from './filter';

/** An entry as it is shown. `time`: RFC 3339. */
export interface AuditItem {
  time: string;
  event: string;
  outcome: string;
  reason?: string | undefined;
  detail?: string | undefined;
  user?: { id: string; name?: string | undefined; email?: string | undefined } | undefined;
  client?: { id: string; name?: string | undefined } | undefined;
  grant?: string | undefined;
  server?: string | undefined;
  tool?: string | undefined;
  duration_ms?: number | undefined;
  request_id: string;
  ip?: string | undefined;
}

/** A part of the trail, the latest first. `cursor`: where it goes on; undefined: nowhere. */
export interface AuditPage {
  items: AuditItem[];
  cursor: string | undefined;
}

/** Days that are asked at the same time. */
const AT_ONCE = 30;
/** Days that one page looks at, at most: the rest is behind its cursor, which then may come with few items. */
const MOST_DAYS = 31;

type Trail = Pick<Deployment, 'env' | 'settings'>;
/** Where a page begins: in the object of a day, before the entry of that number. */
type Position = { day: string; before?: number };

/** How much is read. `cursor`: from where on. `atOnce`: days that are asked at the same time. */
interface Reading {
  limit: number;
  cursor?: string | undefined;
  atOnce?: number;
}

/** Up to `limit` entries that fit. `cursor_invalid`: it is none that a page gave. */
export async function readTrail(
  trail: Trail,
  filter: AuditFilter,
  { limit, cursor, atOnce = AT_ONCE }: Reading,
): Promise<Result<AuditPage, Refusal<'cursor_invalid'>>> {
  const from = cursor === undefined ? undefined : readCursor(cursor);
  if (cursor !== undefined && from === undefined) return refuse('cursor_invalid');
  const days = daysOf(trail, filter).filter((day) => from === undefined || day <= from.day);
  const found: { day: string; entry: StoredEntry }[] = [];
  let looked = 0;
  while (looked < Math.min(days.length, MOST_DAYS) && found.length <= limit) {
    // The latest day is asked alone: mostly it has all that a page needs.
    const some = days.slice(looked, looked + (looked === 0 ? 1 : atOnce));
    looked += some.length;
    found.push(...(await askDays(trail, filter, { days: some, from, limit: limit + 1 })));
  }
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const next = days[looked];
  let end: string | undefined;
  if (found.length > limit && last) end = `${last.day}.${last.entry.seq}`;
  else if (next !== undefined) end = next;
  return ok({ items: shown.map(({ entry }) => describe(entry)), cursor: end });
}

/** All entries that fit, the latest first, a part at a time. */
export async function* readWholeTrail(trail: Trail, filter: AuditFilter): AsyncGenerator<AuditItem[]> {
  let cursor: string | undefined;
  do {
    const page = await readTrail(trail, filter, { limit: 1_000, atOnce: 4, cursor });
    if (!page.ok) throw new Error('the trail does not take its own cursor');
    yield page.value.items;
    ({ cursor } = page.value);
  } while (cursor !== undefined);
}

/** Takes a user's name and address out of the whole trail. */
export async function forgetInTrail(trail: Trail, user: string): Promise<void> {
  const days = daysOf(trail, {});
  for (let at = 0; at < days.length; at += AT_ONCE) {
    const some = days.slice(at, at + AT_ONCE);
    await Promise.all(some.map((day) => trail.env.AUDIT_LOG.getByName(day).forgetUser(user)));
  }
}

async function askDays(
  { env }: Trail,
  filter: AuditFilter,
  { days, from, limit }: { days: string[]; from: Position | undefined; limit: number },
): Promise<{ day: string; entry: StoredEntry }[]> {
  const answers = await Promise.all(
    days.map(async (day) => {
      const before = day === from?.day ? from.before : undefined;
      const entries = await env.AUDIT_LOG.getByName(day).query(filter, { limit, before });
      return entries.map((entry) => ({ day, entry }));
    }),
  );
  return answers.flat();
}

/** The days that a filter is about and that are kept, the latest first. */
function daysOf({ settings }: Trail, { from, to }: AuditFilter): string[] {
  const now = Date.now();
  const oldest = now - settings.audit.retention * DAY_MS;
  return daysBetween(Math.max(from ?? 0, oldest), Math.min(to ?? now, now));
}

function readCursor(text: string): Position | undefined {
  const [, day, before] = /^(\d{4}-\d{2}-\d{2})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  return before === undefined ? { day } : { day, before: Number(before) };
}

function describe(entry: StoredEntry): AuditItem {
  const { time, event, outcome, reason, detail, grant, server, tool, duration_ms, request_id, ip } = entry;
  const { user, user_name: name, user_email: email, client, client_name } = entry;
  return {
    time: new Date(time).toISOString(),
    ...{ event, outcome, reason, detail },
    user: user === undefined ? undefined : { id: user, name, email },
    client: client === undefined ? undefined : { id: client, name: client_name },
    ...{ grant, server, tool, duration_ms, request_id, ip },
  };
}

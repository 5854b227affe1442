import { isolateCache } from '../caches';
import { writeLog } from '../log';
import { dayOf } from './days';
import type { AuditEntry } from './event';

/** What waits to be stored, of one deployment in this isolate. */
interface Queue {
  waiting: AuditEntry[];
  /** Of the requests that are storing something: when each began, in milliseconds since the epoch. */
  storing: Set<{ since: number }>;
}

const queueOf = isolateCache<Queue>('auditQueue');

/** Entries that wait at most. More only come together while objects can't be reached. */
const MOST_WAITING = 5_000;
/** Requests that store at the same time. With more, entries wait for one of them, and are stored in larger batches. */
const MOST_AT_ONCE = 8;
/** A request that has been storing for longer was stopped. */
const STALLED_MS = 2_000;
const BATCH = 200;

/**
 * Queues an entry. Returns what stores it and all that is queued meanwhile, for `waitUntil`; undefined when enough
 * requests are storing already, which take it along. What can't be stored is in the log.
 */
export function enqueue(env: Env, entry: AuditEntry): Promise<void> | undefined {
  const queue = queueOf(env).get('') ?? { waiting: [], storing: new Set() };
  queueOf(env).set('', queue);
  if (queue.waiting.length >= MOST_WAITING) lost(1, 'too many entries wait');
  else queue.waiting.push(entry);
  const now = Date.now();
  for (const one of queue.storing) if (Math.abs(now - one.since) > STALLED_MS) queue.storing.delete(one);
  return queue.storing.size < MOST_AT_ONCE ? drain(env, queue) : undefined;
}

async function drain(env: Env, queue: Queue): Promise<void> {
  const mark = { since: Date.now() };
  queue.storing.add(mark);
  // What the request records in the same moment goes along.
  await Promise.resolve();
  while (queue.waiting.length > 0) {
    const batch = queue.waiting.splice(0, BATCH);
    mark.since = Date.now();
    try {
      await store(env, batch);
    } catch (error) {
      lost(batch.length, error);
    }
  }
  queue.storing.delete(mark);
}

function lost(entries: number, detail: unknown): void {
  writeLog('error', { event: 'audit', outcome: 'failed', reason: 'entries_lost', entries, detail });
}

/** Stores entries in the objects of their days. Throws when an object can't be reached. */
export async function store(env: Env, entries: readonly AuditEntry[]): Promise<void> {
  const days = Map.groupBy(entries, ({ time }) => dayOf(time));
  for (const [day, batch] of days) await env.AUDIT_LOG.getByName(day).append(batch);
}

import { isolateCache } from '../caches';
import { writeLog } from '../log';
import { dayOf } from './days';
import type { AuditEntry } from './event';

/** What waits to be stored, of one deployment in this isolate. */
interface Queue {
  waiting: AuditEntry[];
  /** When the request began that stores them now; milliseconds since the epoch. Undefined: none does. */
  busySince: number | undefined;
}

const queueOf = isolateCache<Queue>('auditQueue');

/** Entries that wait at most. More only come together while objects can't be reached. */
const MOST_WAITING = 5_000;
/** A request that has been storing for longer was stopped. */
const STALLED_MS = 30_000;
const BATCH = 200;

/**
 * Queues an entry. Returns what stores it and all that is queued meanwhile, for `waitUntil`; undefined when another
 * request is storing already, and takes it along. What can't be stored is in the log.
 */
export function enqueue(env: Env, entry: AuditEntry): Promise<void> | undefined {
  const queue = queueOf(env).get('') ?? { waiting: [], busySince: undefined };
  queueOf(env).set('', queue);
  if (queue.waiting.length >= MOST_WAITING) lost(1, 'too many entries wait');
  else queue.waiting.push(entry);
  if (queue.busySince !== undefined && Date.now() - queue.busySince < STALLED_MS) return undefined;
  queue.busySince = Date.now();
  return drain(env, queue);
}

async function drain(env: Env, queue: Queue): Promise<void> {
  // What the request records in the same moment goes along.
  await Promise.resolve();
  while (queue.waiting.length > 0) {
    const batch = queue.waiting.splice(0, BATCH);
    try {
      await store(env, batch);
    } catch (error) {
      lost(batch.length, error);
    }
  }
  queue.busySince = undefined;
}

function lost(entries: number, detail: unknown): void {
  writeLog('error', { event: 'audit', outcome: 'failed', reason: 'entries_lost', entries, detail });
}

/** Stores entries in the objects of their days. Throws when an object can't be reached. */
export async function store(env: Env, entries: readonly AuditEntry[]): Promise<void> {
  const days = Map.groupBy(entries, ({ time }) => dayOf(time));
  for (const [day, batch] of days) await env.AUDIT_LOG.getByName(day).append(batch);
}

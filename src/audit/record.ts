import { waitUntil } from 'cloudflare:workers';
import { type Deployment, deploymentOf, type RequestContext } from '../config';
import { writeLog } from '../log';
import { quotable } from '../secret-text';
import type { AuditEntry, AuditEvent } from './event';
import { enqueue, store } from './writer';

/** What an event is recorded of: the request itself, or what a Durable Object knows of it. */
type Recorded = Pick<RequestContext, 'var'> & { req?: { raw: Request } };

/**
 * Records an event of this request: a line of JSON in the log, with the request id that pages show, and an entry of
 * the audit trail, which is stored while the request goes on. With `AUDIT.mode` = `strict`, {@link allRecorded} says
 * whether it was.
 */
export function record(c: Recorded, event: AuditEvent): void {
  log(c, event);
  const { env, settings, recording } = deploymentOf(c);
  const entry = entryOf(c, event);
  const strict = settings.audit.mode === 'strict';
  const stored = strict ? storeNow(env, entry, recording) : enqueue(env, entry);
  if (!stored) return;
  waitUntil(stored);
  if (!strict) return;
  recording.pending.add(stored);
  void stored.then(() => recording.pending.delete(stored));
}

/**
 * Whether what this request recorded so far is stored. With `AUDIT.mode` = `background` that is not waited for, and
 * the answer is true; with `strict`, a caller that hears false doesn't pass an answer on.
 */
export async function allRecorded(c: Recorded): Promise<boolean> {
  const { recording } = deploymentOf(c);
  await Promise.all(recording.pending);
  return !recording.failed;
}

async function storeNow(env: Env, entry: AuditEntry, recording: Deployment['recording']): Promise<void> {
  try {
    await store(env, [entry]);
  } catch (error) {
    recording.failed = true;
    const detail = error instanceof Error ? error.message : undefined;
    writeLog('error', { event: 'audit', outcome: 'failed', reason: 'not_recorded', detail });
  }
}

function log(c: Recorded, event: AuditEvent): void {
  writeLog(event.outcome === 'failed' ? 'error' : 'log', { request_id: deploymentOf(c).requestId, ...event });
}

/** The event as it is stored: every text in it is `quotable`. */
function entryOf(c: Recorded, event: AuditEvent): AuditEntry {
  const { requestId, settings } = deploymentOf(c);
  const { groups, groups_state, claims, userinfo, ...kept } = event;
  const texts = Object.entries(kept).map(([name, value]) => [
    name,
    typeof value === 'string' ? quotable(value, LONGEST[name]) : value,
  ]);
  const ip = settings.audit.ip_addresses ? c.req?.raw.headers.get('cf-connecting-ip') : undefined;
  return {
    ...(Object.fromEntries(texts) as AuditEvent),
    time: Date.now(),
    request_id: requestId,
    ...(ip ? { ip: quotable(ip, 45) } : {}),
  };
}

/** Texts that may be longer than what is quoted elsewhere. A client id may be an address of that length. */
const LONGEST: Record<string, number> = { user_email: 254, client: 2_048, tool: 300 };

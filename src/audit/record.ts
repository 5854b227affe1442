import { deploymentOf, type RequestContext } from '../config';
import { writeLog } from '../log';

/**
 * Something that happened at the gate. `event` says what, `outcome` how it ended, `reason` is the tag of a
 * refusal. Never a secret in any field; what others wrote is held to what `quotable` lets through.
 */
export interface AuditEvent {
  event: string;
  outcome: 'ok' | 'refused' | 'failed';
  reason?: string | undefined;
  detail?: string | undefined;
  user?: string | undefined;
  client?: string | undefined;
  grant?: string | undefined;
  server?: string | undefined;
}

/** Records an event of this request: a line of JSON in the log, with the request id that pages show. */
export function record(c: Pick<RequestContext, 'var'>, event: AuditEvent): void {
  writeLog(event.outcome === 'failed' ? 'error' : 'log', { request_id: deploymentOf(c).requestId, ...event });
}

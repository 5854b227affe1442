import { deploymentOf, type RequestContext } from '../config';
import { writeLog } from '../log';

/**
 * Something that happened at the gate: `event` says what, `outcome` how it ended, and `reason` is the tag of a refusal.
 * No field ever holds a secret, and text from outside is limited by `quotable`.
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
  /** Of a sign-in at a provider: which groups arrived, and the names of the claims, never their values. */
  groups?: string[];
  groups_state?: string;
  claims?: string[];
  /** Why userinfo, though asked, says nothing. */
  userinfo?: string | undefined;
}

/** Records an event of this request: a line of JSON in the log, with the request id that pages show. */
export function record(c: Pick<RequestContext, 'var'>, event: AuditEvent): void {
  writeLog(event.outcome === 'failed' ? 'error' : 'log', { request_id: deploymentOf(c).requestId, ...event });
}

/** How something ended: as wanted, refused by a rule, or failed for a reason that nobody chose. */
export const OUTCOMES = ['ok', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * Something that happened at the gate: `event` says what, `outcome` how it ended, and `reason` is the tag of a refusal.
 * No field ever holds a secret, and text from outside is limited by `quotable`.
 */
export interface AuditEvent {
  event: string;
  outcome: Outcome;
  reason?: string | undefined;
  detail?: string | undefined;
  /** The user id of who did it, or `operator`. */
  user?: string | undefined;
  /** Name and address of the user as they were at that moment. */
  user_name?: string | undefined;
  user_email?: string | undefined;
  client?: string | undefined;
  client_name?: string | undefined;
  /** The id of the grant, or of the access key. */
  grant?: string | undefined;
  server?: string | undefined;
  tool?: string | undefined;
  /** Milliseconds until the server's answer began. */
  duration_ms?: number | undefined;
  /** Of a sign-in at a provider, in the log alone: which groups arrived, and the names of the claims, never their values. */
  groups?: string[];
  groups_state?: string;
  claims?: string[];
  /** Why userinfo, though asked, says nothing; in the log alone. */
  userinfo?: string | undefined;
}

/** An event as an `AuditLog` object keeps it. `time`: milliseconds since the epoch. */
export interface AuditEntry extends AuditEvent {
  time: number;
  request_id: string;
  /** The address that the request came from; only with `AUDIT.ip_addresses`. */
  ip?: string | undefined;
}

/** An entry as it was stored. `seq`: its number in its object, in the order of arrival. */
export type StoredEntry = AuditEntry & { seq: number };

/** A person as events name them. */
export function actor(
  user: string,
  { name, email }: { name: string; email?: string | undefined },
): Pick<AuditEvent, 'user' | 'user_name' | 'user_email'> {
  return { user, user_name: name, user_email: email };
}

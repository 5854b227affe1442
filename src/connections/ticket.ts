import { seconds } from '../clock';
import { seal, unseal } from '../crypto';
import { ok, type Refusal, type Result, refuse } from '../result';
import type { Site } from '../site';

/*
 * The link that asks a person to connect. It opens no door: it says for whom it is, and works only in a browser
 * where that very person is signed in (`BEHAVIOURS`, row 19).
 */

interface Ticket {
  user: string;
  server: string;
  expires_at: number;
}

const SEALED_FOR = 'connect-ticket';
/** Seconds: a link may wait in a chat for a while. */
const LIFETIME = 3600;

export type TicketRefusal = 'ticket_unknown' | 'ticket_expired';

/** A link for one user to connect to one server. `user`: the principal's user id. */
export async function connectLink(
  site: Pick<Site, 'keyring' | 'origin'>,
  user: string,
  server: string,
): Promise<string> {
  const ticket: Ticket = { user, server, expires_at: seconds() + LIFETIME };
  const sealed = await seal(site.keyring, SEALED_FOR, ticket);
  return `${site.origin}/connect/${server}?ticket=${sealed}`;
}

/** The user whom a link is for. */
export async function readTicket(
  site: Pick<Site, 'keyring'>,
  server: string,
  sealed: string,
): Promise<Result<string, Refusal<TicketRefusal>>> {
  const ticket = await unseal<Ticket>(site.keyring, SEALED_FOR, sealed);
  if (!ticket.ok || ticket.value.server !== server) return refuse('ticket_unknown');
  return ticket.value.expires_at > seconds() ? ok(ticket.value.user) : refuse('ticket_expired');
}

import { type Identity, VISITOR } from '../../account';
import { seconds } from '../../clock';
import type { Deployment } from '../../config';
import { seal, unseal } from '../../crypto';
import { makeUserCode, showUserCode } from '../../flow';
import { ok, type Refusal, type Result, refuse } from '../../result';

/*
 * The link that asks a person to connect. It opens no door: it says for whom it is, and works only in a browser
 * where that very person is signed in (`BEHAVIOURS`, row 19). A visitor can be signed in at one browser only, and
 * a client may open another: there the page asks for the code that the client shows beside the link.
 */

/** What a link says, sealed. `code`: as it is compared, without what makes it readable. */
export interface Ticket {
  user: string;
  code?: string;
}

interface SealedTicket extends Ticket {
  server: string;
  expires_at: number;
}

const SEALED_FOR = 'connect-ticket';
/** Seconds: a link may wait in a chat for a while. */
export const LIFETIME = 3600;

export type TicketRefusal = 'ticket_unknown' | 'ticket_expired';

/** A link, and the code to show with it, if it has one. */
export interface ConnectLink {
  url: string;
  code: string | undefined;
}

/** A link for one principal to connect to one server. */
export async function connectLink(
  deployment: Pick<Deployment, 'keyring' | 'origin'>,
  principal: { user: { id: string }; identity: Pick<Identity, 'provider'> },
  server: string,
): Promise<ConnectLink> {
  const code = principal.identity.provider === VISITOR ? makeUserCode() : undefined;
  const told = code === undefined ? {} : { code };
  const ticket: SealedTicket = { user: principal.user.id, server, expires_at: seconds() + LIFETIME, ...told };
  const sealed = await seal(deployment.keyring, SEALED_FOR, ticket);
  const url = `${deployment.origin}/connect/${server}?ticket=${sealed}`;
  return { url, code: code === undefined ? undefined : showUserCode(code) };
}

/** Whom a link is for. */
export async function readTicket(
  deployment: Pick<Deployment, 'keyring'>,
  server: string,
  sealed: string,
): Promise<Result<Ticket, Refusal<TicketRefusal>>> {
  const ticket = await unseal<SealedTicket>(deployment.keyring, SEALED_FOR, sealed);
  if (!ticket.ok || ticket.value.server !== server) return refuse('ticket_unknown');
  const { user, code, expires_at } = ticket.value;
  if (expires_at <= seconds()) return refuse('ticket_expired');
  return ok({ user, ...(code === undefined ? {} : { code }) });
}

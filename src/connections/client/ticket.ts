import { type Identity, VISITOR } from '../../account';
import { seconds } from '../../clock';
import type { Deployment } from '../../config';
import { seal, unseal } from '../../crypto';
import { makeUserCode, showUserCode } from '../../flow';
import { ok, type Refusal, type Result, refuse } from '../../result';

/*
 * The link that asks a person to connect. It gives no access: it names the person it is for, and works only in a
 * browser where that person is signed in. A visitor can be signed in at one browser only, and a client may open
 * another: there the page asks for the code that the client shows next to the link.
 */

/** Whom a link is for. `user`: the user id; `code`: a visitor's, in the form in which it is compared. */
export interface Ticket {
  user: string;
  code?: string;
}

interface SealedTicket extends Ticket {
  server: string;
  expires_at: number;
}

const SEALED_FOR = 'connect-ticket';
/** Seconds that a link works for: it may wait in a chat for a while. */
export const LIFETIME = 3600;

export type TicketRefusal = 'ticket_unknown' | 'ticket_expired';

/** A link, and the code to show next to it, if it has one. */
export interface ConnectLink {
  url: string;
  code: string | undefined;
}

/** Makes a link for one principal to connect to the server of that name. For a visitor it has a code. */
export async function connectLink(
  deployment: Pick<Deployment, 'keyring' | 'origin'>,
  principal: { user: { id: string }; identity: Pick<Identity, 'provider'> },
  server: string,
): Promise<ConnectLink> {
  const code = principal.identity.provider === VISITOR ? makeUserCode() : undefined;
  const withCode = code === undefined ? {} : { code };
  const ticket: SealedTicket = {
    user: principal.user.id,
    server,
    expires_at: seconds() + LIFETIME,
    ...withCode,
  };
  const sealed = await seal(deployment.keyring, SEALED_FOR, ticket);
  const url = `${deployment.origin}/connect/${server}?ticket=${sealed}`;
  return { url, code: code === undefined ? undefined : showUserCode(code) };
}

/** Opens the ticket of a link to that server; `ticket_unknown` when it isn't ours or is for another server. */
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

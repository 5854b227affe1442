import type { Context } from 'hono';
import { accountOf } from '../../account';
import { record } from '../../audit';
import { isLoopbackHost } from '../../hosts';
import { ok } from '../../result';
import { quotable } from '../../secret-text';
import { currentSignIn } from '../../sign-in';
import { type PageResult, showProblem, words } from '../../ui';
import { knownDocument } from '../clients/known-clients';
import type { Client } from '../protocol/client';
import type { RequestRefusal } from './refusal';

/**
 * Answers an authorization request that can't be granted: with a page, or with the client's error.
 *
 * Anybody can register a client, with any address. To send the browser there before a person has done anything would
 * make this host a way to lead people to that address (RFC 9700 section 4.11.2). So a page says what is wrong, with a
 * link to the client. Only a client that the operator or a known vendor vouches for, or that this person has allowed,
 * gets its error at once, by redirect (RFC 6749 section 4.1.2.1).
 */
export async function answerRefusedRequest(c: Context, refused: RequestRefusal): Promise<PageResult> {
  if (refused.for === 'person') return { ok: false, error: refused.page };
  const { client, reason, detail, redirectTo } = refused;
  record(c, {
    event: 'authorization_request',
    outcome: 'refused',
    reason,
    detail,
    client: client.client_id,
  });
  if (isVouchedFor(client) || (await isAllowed(c, client))) return ok(c.redirect(redirectTo, 303));
  const { host, hostname } = new URL(redirectTo);
  const { returnTo, returnToComputer } = words.authorize;
  const label = isLoopbackHost(hostname) ? returnToComputer(host) : returnTo(host);
  const action = { label, href: redirectTo };
  // Recorded above, by its own name.
  return ok(await showProblem(c, { reason: 'request_invalid', about: quotable(detail), action }));
}

/** Registered by the operator, or by the document of a vendor that the gate knows, at that vendor's own address. */
function isVouchedFor({ kind, client_id }: Client): boolean {
  return kind === 'configured' || (kind === 'document' && knownDocument(client_id) !== undefined);
}

/** Whether the person signed in at this browser has allowed that client, and a grant of it stands. */
async function isAllowed(c: Context, { client_id }: Client): Promise<boolean> {
  const signedIn = await currentSignIn(c);
  if (!signedIn) return false;
  const grants = await accountOf(c.env, signedIn.userId).listGrants();
  return grants.some((grant) => grant.client_id === client_id);
}

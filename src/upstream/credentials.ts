import { type CredentialAnswer, findAccount } from '../account';
import type { ServerSetting, Site } from '../config';
import { type ConnectedServer, needsConnection, wantedAt } from './connected-server';

/*
 * The user's own credential for a server, for the length of one request, or until what the user may do changes. It
 * is kept beside the principal, not in it: principals are handed to entrypoints and written into tokens.
 */

/** Why there is no credential, with the seconds to wait where that helps. */
export type CredentialError = Extract<CredentialAnswer, { ok: false }>['error'];

/** Whose credential it is. */
type Acting = { user: { id: string } };

const perRequest = new WeakMap<Site, Map<string, CredentialAnswer>>();

/** Keeps what the account of a user answered in the call that authenticated the request. */
export function rememberCredential(site: Site, user: string, server: string, answer: CredentialAnswer): void {
  const known = perRequest.get(site) ?? new Map<string, CredentialAnswer>();
  perRequest.set(site, known);
  known.set(`${user} ${server}`, answer);
}

/** What was answered may be out of date: for work that outlives its request. */
export function forgetCredentials(site: Site): void {
  perRequest.delete(site);
}

/** The credential of a principal for a server: from the request's first call of the account, or by one of its own. */
export async function credentialFor(
  site: Site,
  principal: Acting,
  server: ConnectedServer,
): Promise<CredentialAnswer> {
  return perRequest.get(site)?.get(`${principal.user.id} ${server.name}`) ?? ask(site, principal, server);
}

/** The account in whose name a server is spoken to; '' where users have none of their own, or this one hasn't. */
export async function accountAt(site: Site, principal: Acting, server: ServerSetting): Promise<string> {
  if (!needsConnection(server)) return '';
  const credential = await credentialFor(site, principal, server);
  return credential.ok ? credential.value.connection : '';
}

/** Whether that is the account there still. While its provider can't be asked, nobody knows better. */
export async function isAccountStill(
  site: Site,
  principal: Acting,
  server: ServerSetting,
  account: string,
): Promise<boolean> {
  if ((await accountAt(site, principal, server)) === account) return true;
  if (!needsConnection(server)) return false;
  const credential = await credentialFor(site, principal, server);
  return !credential.ok && credential.error.reason === 'provider_unavailable';
}

/** Another one in the place of one that the server has just refused: renewed, or refused for good. */
export function replaceCredential(
  site: Site,
  principal: Acting,
  server: ConnectedServer,
  refused: string,
): Promise<CredentialAnswer> {
  return ask(site, principal, server, refused);
}

/** Notes that the server refuses a credential though it is new. */
export async function giveUpCredential(
  site: Site,
  principal: Acting,
  server: ConnectedServer,
  refused: string,
): Promise<CredentialAnswer> {
  const account = await findAccount(site.env, site.keyring, principal.user.id);
  await account?.credentialRefused(server.name, refused);
  const answer: CredentialAnswer = {
    ok: false,
    error: { reason: 'needs_reauthorization', detail: 'refused_by_server' },
  };
  rememberCredential(site, principal.user.id, server.name, answer);
  return answer;
}

async function ask(
  site: Site,
  principal: Acting,
  server: ConnectedServer,
  refused?: string,
): Promise<CredentialAnswer> {
  const account = await findAccount(site.env, site.keyring, principal.user.id);
  const answer: CredentialAnswer = account
    ? await account.credential(wantedAt(site, server, refused))
    : { ok: false, error: { reason: 'not_connected' } };
  rememberCredential(site, principal.user.id, server.name, answer);
  return answer;
}

import { type CredentialAnswer, findAccount } from '../account';
import type { Deployment, ServerSetting } from '../config';
import { type ConnectedServer, needsConnection, wantedAt } from './connected-server';

/*
 * The user's own credential for a server, for the length of one request, or until what the user may do changes. It
 * is kept beside the principal, not in it: principals are handed to entrypoints and written into tokens.
 */

/** Why there is no credential, with the seconds to wait where that helps. */
export type CredentialError = Extract<CredentialAnswer, { ok: false }>['error'];

/** Whose credential it is. */
type Acting = { user: { id: string } };

const perRequest = new WeakMap<Deployment, Map<string, CredentialAnswer>>();

/** Keeps what the account of a user answered in the call that authenticated the request. */
export function rememberCredential(
  deployment: Deployment,
  user: string,
  server: string,
  answer: CredentialAnswer,
): void {
  const known = perRequest.get(deployment) ?? new Map<string, CredentialAnswer>();
  perRequest.set(deployment, known);
  known.set(`${user} ${server}`, answer);
}

/** What was answered may be out of date: for work that outlives its request. */
export function forgetCredentials(deployment: Deployment): void {
  perRequest.delete(deployment);
}

/** The credential of a principal for a server: from the request's first call of the account, or by one of its own. */
export async function credentialFor(
  deployment: Deployment,
  principal: Acting,
  server: ConnectedServer,
): Promise<CredentialAnswer> {
  return (
    perRequest.get(deployment)?.get(`${principal.user.id} ${server.name}`) ??
    ask(deployment, principal, server)
  );
}

/** The account in whose name a server is spoken to; '' where users have none of their own, or this one hasn't. */
export async function accountAt(
  deployment: Deployment,
  principal: Acting,
  server: ServerSetting,
): Promise<string> {
  if (!needsConnection(server)) return '';
  const credential = await credentialFor(deployment, principal, server);
  return credential.ok ? credential.value.connection : '';
}

/** Whether that is the account there still. While its provider can't be asked, nobody knows better. */
export async function isAccountStill(
  deployment: Deployment,
  principal: Acting,
  server: ServerSetting,
  account: string,
): Promise<boolean> {
  if ((await accountAt(deployment, principal, server)) === account) return true;
  if (!needsConnection(server)) return false;
  const credential = await credentialFor(deployment, principal, server);
  return !credential.ok && credential.error.reason === 'provider_unavailable';
}

/** Another one in the place of one that the server has just refused: renewed, or refused for good. */
export function replaceCredential(
  deployment: Deployment,
  principal: Acting,
  server: ConnectedServer,
  refused: string,
): Promise<CredentialAnswer> {
  return ask(deployment, principal, server, refused);
}

/** Notes that the server refuses a credential though it is new. */
export async function giveUpCredential(
  deployment: Deployment,
  principal: Acting,
  server: ConnectedServer,
  refused: string,
): Promise<CredentialAnswer> {
  const account = await findAccount(deployment, principal.user.id);
  await account?.credentialRefused(server.name, refused);
  const answer: CredentialAnswer = {
    ok: false,
    error: { reason: 'needs_reauthorization', detail: 'refused_by_server' },
  };
  rememberCredential(deployment, principal.user.id, server.name, answer);
  return answer;
}

async function ask(
  deployment: Deployment,
  principal: Acting,
  server: ConnectedServer,
  refused?: string,
): Promise<CredentialAnswer> {
  const account = await findAccount(deployment, principal.user.id);
  const answer: CredentialAnswer = account
    ? await account.credential(wantedAt(deployment, server, refused))
    : { ok: false, error: { reason: 'not_connected' } };
  rememberCredential(deployment, principal.user.id, server.name, answer);
  return answer;
}

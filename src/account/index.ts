import { isUserId, type Keyring } from '../crypto';
import { CHANGED } from './watch';

/** The face of `account/`: the per-principal object, and the words that grants are told in. */
export { type ApiUser, accountApi } from './api';
export type { Approval, Presentation, Terms } from './grants';
export { highestRole, type Identity, roleAt, roleOf, type User } from './identity';
export type {
  CheckedRequest,
  IssuedApproval,
  Issuer,
  IssuingClient,
  IssuingTerms,
  TokenAnswer,
} from './issuer';
export { type Access, accountObject, type Grant } from './object';
export { holds, mayKnow, usableServers } from './reach';
export {
  DEFAULT_SCOPES,
  includedScopes,
  OFFLINE_ACCESS,
  SCOPES,
  type Scope,
  scopesWithin,
} from './scopes';

/**
 * The `Account` of a user id that came from outside; undefined when this deployment didn't make that id,
 * so that a made-up one wakes no object.
 */
export async function findAccount(env: Env, keyring: Keyring, userId: string) {
  return (await isUserId(keyring, userId)) ? env.ACCOUNT.getByName(userId) : undefined;
}

/** Listens to what becomes of a grant, until the returned function is called. */
export async function watchGrant(
  env: Env,
  { userId, grantId }: { userId: string; grantId: string },
  on: { changed(): void; ended(): void },
): Promise<() => void> {
  const headers = { upgrade: 'websocket', 'gatehouse-grant': grantId };
  const { webSocket } = await env.ACCOUNT.getByName(userId).fetch('https://account/watch', { headers });
  if (!webSocket) {
    on.ended();
    return () => undefined;
  }
  webSocket.accept();
  webSocket.addEventListener('message', ({ data }) => data === CHANGED && on.changed());
  // A socket that breaks says nothing of the grant: whoever holds the stream lets its client come back.
  webSocket.addEventListener('close', on.ended);
  webSocket.addEventListener('error', on.ended);
  return () => webSocket.close(1000);
}

/** The parts of a code or token as the library makes them; undefined when it has another form. */
export function parseToken(token: string): { userId: string; grantId: string } | undefined {
  const match = /^([\w-]{32}):([\w-]{16}):[\w-]{32}$/.exec(token);
  return match?.[1] && match[2] ? { userId: match[1], grantId: match[2] } : undefined;
}

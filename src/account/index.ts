import { isUserId, type Keyring } from '../crypto';

/** The face of `account/`: the per-principal object, and the words that grants are told in. */
export { type ApiUser, accountApi } from './api';
export type { DirectApproval } from './direct';
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
export { CLIENT_PROVIDER, claimsInRules, ruleFor } from './services';

/**
 * The `Account` of a user id that came from outside; undefined when this deployment didn't make that id,
 * so that a made-up one wakes no object.
 */
export async function findAccount(env: Env, keyring: Keyring, userId: string) {
  return (await isUserId(keyring, userId)) ? env.ACCOUNT.getByName(userId) : undefined;
}

/** The parts of a code or token as the library makes them; undefined when it has another form. */
export function parseToken(token: string): { userId: string; grantId: string } | undefined {
  const match = /^([\w-]{32}):([\w-]{16}):[\w-]{32}$/.exec(token);
  return match?.[1] && match[2] ? { userId: match[1], grantId: match[2] } : undefined;
}

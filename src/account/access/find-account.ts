import { isUserId, type Keyring } from '../../crypto';
import { keyPartsOf } from '../keys/text';

/** The `Account` of a user id that this deployment made. For an id from outside use {@link findAccount}. */
export function accountOf(env: Env, userId: string) {
  return env.ACCOUNT.getByName(userId);
}

/**
 * The `Account` of a user id that came from outside. Undefined when this deployment didn't make that id, so that
 * nobody can create objects by guessing ids.
 */
export async function findAccount({ env, keyring }: { env: Env; keyring: Keyring }, userId: string) {
  return (await isUserId(keyring, userId)) ? accountOf(env, userId) : undefined;
}

/**
 * The parts of a code or token as the library makes them, or of an access key (`grantId` is then the key's id).
 * Undefined when the text has another form. Nothing is verified.
 */
export function parseToken(token: string): { userId: string; grantId: string } | undefined {
  const key = keyPartsOf(token);
  if (key) return { userId: key.userId, grantId: key.keyId };
  const match = /^([\w-]{32}):([\w-]{16}):[\w-]{32}$/.exec(token);
  return match?.[1] && match[2] ? { userId: match[1], grantId: match[2] } : undefined;
}

import type { Deployment } from '../config';
import { userCodeHash } from '../crypto';

/**
 * Uses up one of the `most` attempts to enter a code, such as that of one link. One object counts them, so that the
 * limit holds for any number of browsers and concurrent requests.
 *
 * @param what names what the attempts are for
 * @param expiresAt when the count is deleted, in seconds since the epoch
 * @returns how many attempts are left after this one; undefined when none was left for it
 */
export async function takeAttempt(
  { env, keyring }: Pick<Deployment, 'env' | 'keyring'>,
  what: string,
  most: number,
  expiresAt: number,
): Promise<number | undefined> {
  const name = `attempts:${await userCodeHash(keyring, what)}`;
  return env.PENDING_FLOW.getByName(name).takeAttempt(most, expiresAt);
}

import type { Deployment } from '../config';
import { userCodeHash } from '../crypto';

/**
 * Takes one of `most` attempts at something with a code, such as one link: how many are left then, undefined when none
 * was. However many ask at once, from whichever browser, one object counts. `what` names it, `expiresAt` (seconds since
 * the epoch) is when it is over anyway.
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

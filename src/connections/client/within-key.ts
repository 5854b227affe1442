import { type KeyLimits, usableServers } from '../../account';
import type { ServerSetting, Settings } from '../../config';
import type { SignedIn } from '../../sign-in';

/*
 * Somebody who signed in by an access key can do no more than the key: they don't see, make or end connections at
 * other servers.
 */

/** The servers that this sign-in may use. */
export function serversOfSignIn(
  settings: Settings,
  { identity, key }: Pick<SignedIn, 'identity' | 'key'>,
): ServerSetting[] {
  return usableServers(settings, identity).filter(({ name }) => isWithinKey(name, key));
}

/** Whether a sign-in by that key may connect to the server of that name; without a key, always. */
export function isWithinKey(server: string, key: KeyLimits | undefined): boolean {
  return key === undefined || key.servers.includes(server);
}

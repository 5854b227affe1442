import { type KeyLimits, usableServers } from '../../account';
import type { ServerSetting, Settings } from '../../config';
import type { SignedIn } from '../../sign-in';

/*
 * Who signed in by an access key has no more than it allows: connections at other servers are not theirs to see, to
 * make or to end.
 */

/** The servers that this sign-in may use. */
export function serversOfSignIn(
  settings: Settings,
  { identity, key }: Pick<SignedIn, 'identity' | 'key'>,
): ServerSetting[] {
  return usableServers(settings, identity).filter(({ name }) => isWithinKey(name, key));
}

export function isWithinKey(server: string, key: KeyLimits | undefined): boolean {
  return key === undefined || key.servers.includes(server);
}

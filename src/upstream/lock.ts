import type { ServerSetting } from '../config';
import { needsConnection } from './connected-server';
import { type CredentialError, credentialsOf } from './credentials';
import type { View } from './view';

/** Why the principal can't use a server until they connect it, or its provider is back; undefined when they can. */
export async function lockOf(
  { work, principal }: View,
  server: ServerSetting,
): Promise<CredentialError | undefined> {
  if (!needsConnection(server)) return undefined;
  const credential = await credentialsOf(work).for(principal, server);
  return credential.ok ? undefined : credential.error;
}

/** The answer when it isn't known in time. */
export const UNKNOWN_LOCK: CredentialError = { reason: 'provider_unavailable', retry_after: 5 };

import type { ServerSetting } from '../config';
import { needsConnection } from './connected-server';
import { type CredentialError, credentialsOf } from './credentials';
import type { View } from './view';

/** Why a server is locked for the principal; undefined when it isn't. */
export async function lockOf(
  { work, principal }: View,
  server: ServerSetting,
): Promise<CredentialError | undefined> {
  if (!needsConnection(server)) return undefined;
  const credential = await credentialsOf(work).for(principal, server);
  return credential.ok ? undefined : credential.error;
}

/** Nobody could tell in time. */
export const UNKNOWN_LOCK: CredentialError = { reason: 'provider_unavailable', retry_after: 5 };

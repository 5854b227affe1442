import type { Deployment } from '../../config';
import { seal, unseal } from '../../crypto';

/** Whose session of which server it is: another user, client or server gets nowhere with its id. */
export interface SessionOwner {
  server: string;
  user: string;
  client: string;
}

/** A session's id, and the account at its server in whose name it was begun: '' where users have none of their own. */
export interface SessionId {
  id: string;
  account: string;
}

const PURPOSE = 'mcp-session';

/** A server's session id as a client gets it: sealed, and bound to its owner. Nothing is stored. */
export function sealSessionId(
  deployment: Deployment,
  owner: SessionOwner,
  id: string,
  account = '',
): Promise<string> {
  return seal(deployment.keyring, PURPOSE, { ...owner, id, account });
}

/** The server's own session id; undefined when the sealed one is another owner's, or none of ours. */
export async function openSessionId(
  deployment: Deployment,
  owner: SessionOwner,
  sealed: string,
): Promise<SessionId | undefined> {
  const opened = await unseal<SessionOwner & SessionId>(deployment.keyring, PURPOSE, sealed);
  if (!opened.ok) return undefined;
  const { server, user, client, id, account } = opened.value;
  const same = server === owner.server && user === owner.user && client === owner.client;
  return same ? { id, account } : undefined;
}

import { seal, unseal } from '../crypto';
import type { Site } from '../site';

/** Whose session of which server it is: another user, client or server gets nowhere with its id. */
export interface SessionOwner {
  server: string;
  user: string;
  client: string;
}

const PURPOSE = 'mcp-session';

/** A server's session id as a client gets it: sealed, and bound to its owner. Nothing is stored. */
export function sealSessionId(site: Site, owner: SessionOwner, id: string): Promise<string> {
  return seal(site.keyring, PURPOSE, { ...owner, id });
}

/** The server's own session id; undefined when the sealed one is another owner's, or none of ours. */
export async function openSessionId(
  site: Site,
  owner: SessionOwner,
  sealed: string,
): Promise<string | undefined> {
  const opened = await unseal<SessionOwner & { id: string }>(site.keyring, PURPOSE, sealed);
  if (!opened.ok) return undefined;
  const { server, user, client, id } = opened.value;
  const same = server === owner.server && user === owner.user && client === owner.client;
  return same ? id : undefined;
}

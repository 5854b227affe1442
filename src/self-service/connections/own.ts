import type { Connection } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import {
  isWithinKey,
  type NeededConnection,
  orphansOf,
  serversOfSignIn,
  statusesOf,
} from '../../connections';
import { clientSettingOf, loopbackOrigins } from '../../upstream';
import { actorOf, ownAccount, type PersonContext } from '../shared/person';

/** A person's connections: at the servers that they may use, then those that no server is left for. */
export interface OwnConnections {
  needed: NeededConnection[];
  orphans: Connection[];
}

/** The connections of the person signed in; of somebody signed in by a key, at the servers of the key. */
export async function listOwnConnections(c: PersonContext): Promise<OwnConnections> {
  const { person } = c.var;
  const servers = serversOfSignIn(deploymentOf(c).settings, person);
  const held = await ownAccount(c).listConnections();
  // Of servers that the person may no longer know of, they see only what they themselves connected.
  const orphans = orphansOf(servers, held).filter(({ server }) => isWithinKey(server, person.key));
  return { needed: statusesOf(servers, held), orphans };
}

/**
 * Ends a connection of the person signed in, at the provider too where that is possible. False when there was none, or
 * it isn't within the key that they signed in by. `name`: the server's.
 */
export async function endOwnConnection(c: PersonContext, name: string): Promise<boolean> {
  const { key } = c.var.person;
  if (!isWithinKey(name, key)) return false;
  const deployment = deploymentOf(c);
  const server = deployment.settings.servers.find((one) => one.name === name);
  const loopback = server ? loopbackOrigins(deployment, server) : [];
  const configured = server && clientSettingOf(server);
  const { existed, revoked } = await ownAccount(c).disconnect(name, loopback, configured);
  const detail = revoked ? 'revoked at the provider' : 'here only';
  if (existed) record(c, { event: 'connection_ended', outcome: 'ok', ...actorOf(c), server: name, detail });
  return existed;
}

import { includedScopes, SCOPES, type Scope, scopesWithin, usableServers } from '../../account';
import { seconds } from '../../clock';
import type { ServerSetting } from '../../config';
import type { ConsentContext } from './context';

/** The most that a person can allow a client in one request. */
export interface ConsentLimits {
  scopes: Scope[];
  /** In the order of the settings. */
  servers: ServerSetting[];
  /** Seconds from now until the grant ends. */
  longest: number;
}

/**
 * What the person's role, the client's setting (`scope` in `CLIENTS`) and the resource leave to be allowed. A browser
 * that signed in by an access key is capped by that key: what it allows is never wider nor longer-lived than the key.
 */
export function consentLimits({ deployment, flow, person, resource }: ConsentContext): ConsentLimits {
  const { settings } = deployment;
  const { identity, role, key } = person;
  const { client } = flow.data;
  const ofClient = client.scope && includedScopes(client.scope);
  const scopes = scopesWithin(role, SCOPES).filter(
    (scope) => (key?.scope.includes(scope) ?? true) && (ofClient?.includes(scope) ?? true),
  );
  const servers = usableServers(settings, identity).filter(
    ({ name }) =>
      (key?.servers.includes(name) ?? true) && (resource.kind === 'merged' || resource.server === name),
  );
  const { grant } = settings.tokens;
  return { scopes, servers, longest: key ? Math.min(grant, key.expires_at - seconds()) : grant };
}

import type { GrantRow } from '../grants/rows';
import type { KeyLimits } from '../keys/access-keys';
import type { Identity } from '../principal/identity';
import { includedScopes } from '../principal/scopes';

/**
 * What a token or an access key gives access to, now. Times are seconds since the epoch. For an access key, `grant`
 * describes the key.
 */
export interface Access {
  /** The account's own user id. The tokens of a grant that came from a merged visitor begin with another one. */
  user_id: string;
  identity: Identity;
  grant: {
    id: string;
    client_id: string;
    client_name: string;
    servers: string[];
    /** The one resource that it is for (RFC 8707); undefined for an access key: all resources of its servers. */
    resource: string | undefined;
    expires_at: number;
  };
  /** The token's scope, which may be narrower than the grant's. */
  scope: string[];
  /** Globs of `{server}_{tool}` that an access key is limited to; undefined: all tools. */
  tools: string[] | undefined;
  issued_at: number;
  expires_at: number;
}

/** A grant as its user sees it. Times are seconds since the epoch; `scope` is separated by spaces. */
export interface Grant {
  id: string;
  client_id: string;
  client_name: string;
  client_domain: string | undefined;
  scope: string;
  servers: string[];
  resource: string;
  created_at: number;
  last_used_at: number | undefined;
  expires_at: number;
  /** The access key with which the person had signed in, if they used one. */
  key_id: string | undefined;
}

/** A grant's access, without what depends on the token. `key`: the access key that the grant was made with. */
export function accessByGrant(
  user_id: string,
  identity: Identity,
  row: GrantRow,
  key: KeyLimits | undefined,
): Omit<Access, 'scope' | 'issued_at' | 'expires_at'> {
  const { id, client_id, client_name, resource, expires_at } = row;
  const servers = JSON.parse(row.servers) as string[];
  const grant = { id, client_id, client_name, resource, expires_at, servers };
  return { user_id, identity, tools: key?.tools, grant };
}

/** The access of an access key. Its `client_id` can't be a client's, since those have no colon after `key`. */
export function accessByKey(user_id: string, identity: Identity, key: KeyLimits): Access {
  const { id, name, servers, tools, scope, created_at: issued_at, expires_at } = key;
  const client = { client_id: `key:${id}`, client_name: name };
  const grant = { id, ...client, servers, resource: undefined, expires_at };
  return { user_id, identity, grant, scope: includedScopes(scope), tools, issued_at, expires_at };
}

export function describeGrant(row: GrantRow): Grant {
  const { id, client_id, client_name, scope, resource, created_at, expires_at } = row;
  return {
    id,
    client_id,
    client_name,
    client_domain: row.client_domain ?? undefined,
    scope,
    servers: JSON.parse(row.servers) as string[],
    resource,
    created_at,
    last_used_at: row.last_used_at ?? undefined,
    expires_at,
    key_id: row.key_id ?? undefined,
  };
}

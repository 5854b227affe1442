import { z } from 'zod';
import type { Settings } from '../../config';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { quotable } from '../../secret-text';
import { highestRole, type Identity } from '../principal/identity';
import { DEFAULT_SCOPES, includedScopes, SCOPES, scopesWithin } from '../principal/scopes';
import { usableServers } from '../principal/usable-servers';
import type { KeySpec } from './access-keys';

/** Seconds that a key lives when the request doesn't say how long: 90 days. */
export const DEFAULT_KEY_LIFE = 90 * 86_400;

/** The request for a new key, as the API has it. `expires_in`: seconds. */
export const keyRequest = z.strictObject({
  name: z.string(),
  scope: z.string().optional(),
  servers: z.array(z.string()).optional(),
  expires_in: z.int().optional(),
});
export type KeyRequest = z.infer<typeof keyRequest>;

/** What is wrong with a request for a key. `role_missing`: the owner has no role. */
export type KeyRequestRefusal =
  | 'role_missing'
  | 'name_missing'
  | 'scope_unknown'
  | 'scope_missing'
  | 'scope_beyond_role'
  | 'server_unknown'
  | 'expires_invalid';

/**
 * What a requested key may do: never more than its owner may do now. Without `scope` it gets the default scopes within
 * the role, without `servers` all servers that the owner may use now, without `expires_in` 90 days.
 *
 * @param now seconds since the epoch
 * @returns the key to make; or why not, with the wrong value as `detail`
 */
export function judgeKeyRequest(
  asked: KeyRequest,
  owner: Identity,
  settings: Settings,
  now: number,
): Result<KeySpec, Refusal<KeyRequestRefusal>> {
  const role = highestRole(owner, settings);
  if (!role) return refuse('role_missing');
  const name = asked.name.replace(/\p{Cc}+/gu, ' ').trim();
  if (name === '' || name.length > 100) return refuse('name_missing');

  const names = asked.scope?.split(' ').filter((one) => one !== '');
  const unknown = names?.find((one) => !(SCOPES as readonly string[]).includes(one));
  if (unknown !== undefined) return refuse('scope_unknown', quotable(unknown));
  if (names?.length === 0) return refuse('scope_missing');
  const scope = scopesWithin(role, includedScopes(names ?? DEFAULT_SCOPES));
  if (names && scope.length < includedScopes(names).length) return refuse('scope_beyond_role', role);

  const usable = usableServers(settings, owner).map((server) => server.name);
  const servers = [...new Set(asked.servers ?? usable)];
  const beyond = servers.find((one) => !usable.includes(one));
  if (beyond !== undefined) return refuse('server_unknown', quotable(beyond));

  const longest = settings.tokens.grant;
  const life = asked.expires_in ?? Math.min(DEFAULT_KEY_LIFE, longest);
  if (life < 1 || life > longest) return refuse('expires_invalid', String(longest));
  return ok({ name, scope, servers, expires_at: now + life });
}

/** A refusal in words, for the caller of the API. */
export function describeKeyRefusal({ reason, detail = '' }: Refusal<KeyRequestRefusal>): string {
  switch (reason) {
    case 'role_missing':
      return 'The owner has no role here';
    case 'name_missing':
      return 'name must be 1 to 100 characters';
    case 'scope_unknown':
      return `scope must be among ${SCOPES.join(', ')}, separated by spaces: "${detail}" is none of them`;
    case 'scope_missing':
      return `scope must name at least one of ${SCOPES.join(', ')}`;
    case 'scope_beyond_role':
      return `scope goes beyond the role, which is ${detail}`;
    case 'server_unknown':
      return `servers names "${detail}", which is no server that the owner may use`;
    case 'expires_invalid':
      return `expires_in must be a number of seconds from 1 to ${detail}`;
  }
}

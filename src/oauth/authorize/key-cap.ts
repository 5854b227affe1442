import type { KeyLimits, Scope } from '../../account';

/*
 * A browser signed in by an access key is capped by it: what such a person allows an app is never wider nor
 * longer-lived than the key. `undefined` is a person who signed in themselves.
 */

/** What is left of the scopes that may be granted. */
export function scopesWithinKey(scopes: Scope[], key: KeyLimits | undefined): Scope[] {
  return key ? scopes.filter((scope) => key.scope.includes(scope)) : scopes;
}

/** What is left of the servers that may be granted. */
export function serversWithinKey<T extends { name: string }>(servers: T[], key: KeyLimits | undefined): T[] {
  return key ? servers.filter(({ name }) => key.servers.includes(name)) : servers;
}

/** The longest that may be granted, in seconds from `now` on. */
export function longestWithinKey(longest: number, key: KeyLimits | undefined, now: number): number {
  return key ? Math.min(longest, key.expires_at - now) : longest;
}

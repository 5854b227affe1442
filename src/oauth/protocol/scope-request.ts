import { DEFAULT_SCOPES, includedScopes, OFFLINE_ACCESS, type Scope } from '../../account';

/** What was asked for; undefined when nothing of it is known to us. No scope means the default ones. */
export function askedScopes(scope: string | null): Scope[] | undefined {
  const names = (scope ?? '').split(' ').filter((name) => name !== '' && name !== OFFLINE_ACCESS);
  if (names.length === 0) return [...DEFAULT_SCOPES];
  const known = includedScopes(names);
  return known.length > 0 ? known : undefined;
}

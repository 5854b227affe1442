import { DEFAULT_SCOPES, includedScopes, OFFLINE_ACCESS, type Scope } from '../../account';
import { ok, type Refusal, type Result, refuse } from '../../result';

/**
 * The scopes that a `scope` parameter asks for (RFC 6749 section 3.3), with those that they include; the default ones
 * where it is missing or names none. Scopes that we don't know are ignored. Refused when we know none of them.
 */
export function askedScopes(scope: string | null | undefined): Result<Scope[], Refusal<'scope_unknown'>> {
  const names = (scope ?? '').split(' ').filter((name) => name !== '' && name !== OFFLINE_ACCESS);
  if (names.length === 0) return ok([...DEFAULT_SCOPES]);
  const known = includedScopes(names);
  return known.length > 0 ? ok(known) : refuse('scope_unknown');
}

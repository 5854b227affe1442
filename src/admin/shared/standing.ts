import { isAuditor, roleOf } from '../../account';
import type { Settings } from '../../config';
import { checkMayHaveKeys } from '../../self-service';
import type { SignedIn } from '../../sign-in';

/** What somebody may do here: admins change things, auditors only read. */
export type Standing = 'admin' | 'auditor';

/**
 * What somebody who is signed in may do here; undefined: nothing. It takes a person who signed in themselves, not by a
 * key, and a rule for the whole gate: an admin of one server is none here.
 */
export function standingOf(person: SignedIn, settings: Settings): Standing | undefined {
  if (!checkMayHaveKeys(person).ok) return undefined;
  if (roleOf(person.identity, settings) === 'admin') return 'admin';
  return isAuditor(person.identity, settings) ? 'auditor' : undefined;
}

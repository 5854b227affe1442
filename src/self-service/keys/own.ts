import { SERVICE, VISITOR } from '../../account';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { SignedIn } from '../../sign-in';

/** `by_key`: they signed in by a key; `no_person`: they are a visitor or a service account. */
export type NoKeysRefusal = 'by_key' | 'no_person';

/** Whether somebody may have access keys, whatever their role: only a person who signed in themselves. */
export function checkMayHaveKeys({
  key,
  identity,
}: Pick<SignedIn, 'key' | 'identity'>): Result<null, Refusal<NoKeysRefusal>> {
  if (key) return refuse('by_key');
  return [VISITOR, SERVICE].includes(identity.provider) ? refuse('no_person') : ok(null);
}

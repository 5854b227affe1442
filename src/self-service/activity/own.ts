import type { AuditFilter } from '../../audit';
import type { PersonContext } from '../shared/person';

/** A filter for what the person signed in did; of somebody signed in by a key, what was done by that key. */
export function ownFilter(c: PersonContext, filter: AuditFilter = {}): AuditFilter {
  const { userId: user, key } = c.var.person;
  return { ...filter, user, ...(key ? { grant: key.id } : {}) };
}

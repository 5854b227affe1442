import type { MiddlewareHandler } from 'hono';
import { actor, record } from '../../audit';
import { deploymentOf } from '../../config';
import { isRead } from '../../self-service';
import { toPage } from '../../ui';
import type { AdminEnv } from '../shared/admit';
import { standingOf } from '../shared/standing';

/**
 * Middleware of `/admin`, after the one that finds out who is signed in: `not_admin` for who is neither admin nor
 * auditor, and for an auditor who would change something.
 */
export const admitToPages: MiddlewareHandler<AdminEnv> = async (c, next) => {
  const { person } = c.var;
  const standing = standingOf(person, deploymentOf(c).settings);
  const by = actor(person.userId, person.identity);
  if (standing === undefined || (standing === 'auditor' && !isRead(c))) {
    const reason = standing === undefined ? 'not_admin' : 'auditor_reads_only';
    record(c, { event: 'admin', outcome: 'refused', reason, detail: `${c.req.method} ${c.req.path}`, ...by });
    return toPage(c, { reason: 'not_admin', action: { label: 'Your account', href: '/account' } });
  }
  c.set('standing', standing);
  c.set('by', by);
  return next();
};

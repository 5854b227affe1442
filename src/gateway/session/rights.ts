import { createHash } from 'node:crypto';
import { roleAt } from '../../account';
import { siteOf, type Work } from '../../site';
import { serversOf } from '../merged/view';
import type { Principal } from '../principal';

/** What a principal may do here, in short: another value means that what it was shown may be out of date. */
export function rightsOf(work: Work, principal: Principal): string {
  const { settings } = siteOf(work);
  const servers = serversOf({ work, principal });
  const rights = servers.map((server) => [server, roleAt(principal.identity, server, settings)]);
  return createHash('sha256')
    .update(JSON.stringify([principal.granted, rights]))
    .digest('base64url');
}

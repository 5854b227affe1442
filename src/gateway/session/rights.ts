import { createHash } from 'node:crypto';
import { findAccount, roleAt } from '../../account';
import { deploymentOf, type RequestContext } from '../../config';
import { isAnonymous, needsConnection, type Principal, serversOf } from '../../upstream';

/** How many tokens of a session are remembered. */
const TOKENS = 8;

/**
 * Which token it is and, behind a space, what its principal may do here, in short: another value for the same token
 * means that what it was shown may be out of date.
 */
export function rightsOf(work: RequestContext, principal: Principal): string {
  const { settings } = deploymentOf(work);
  const { grantId, granted } = principal;
  const servers = serversOf({ work, principal });
  const rights = servers.map((server) => [server, roleAt(principal.identity, server, settings)]);
  return `${inShort([grantId, granted])} ${inShort([granted, rights])}`;
}

/**
 * The same and, behind a space, which of these servers are connected, and how that stands. It costs a call of the
 * account: asked when a session begins, when its client listens and when the account says that something changed.
 */
export async function rightsAndConnectionsOf(work: RequestContext, principal: Principal): Promise<string> {
  const rights = rightsOf(work, principal);
  if (isAnonymous(principal)) return rights;
  const names = serversOf({ work, principal })
    .filter(needsConnection)
    .map(({ name }) => name);
  if (names.length === 0) return `${rights} ${inShort([])}`;
  const { env, keyring } = deploymentOf(work);
  const account = await findAccount({ env, keyring }, principal.user.id);
  const standings = (await account?.connectionStandings()) ?? [];
  return `${rights} ${inShort(standings.filter(({ server }) => names.includes(server)))}`;
}

/**
 * What was shown to each token, as it is known now, and whether that is news: what one of both doesn't tell, is not;
 * nor is it that another token of the session may do something else. A token that is new is compared with the last.
 */
export function compareRights(shown: string | undefined, now: string): { rights: string; isNews: boolean } {
  const [token, may, connected] = now.split(' ');
  const lines = shown?.split('\n') ?? [];
  const known = lines.findIndex((line) => line.startsWith(`${token} `));
  const [, mayBefore, connectedBefore] = lines.at(known)?.split(' ') ?? [];
  const isNews = may !== mayBefore || (connected ?? connectedBefore) !== (connectedBefore ?? connected);
  const standing = connected ?? (known === -1 ? undefined : connectedBefore);
  const line = standing === undefined ? `${token} ${may}` : `${token} ${may} ${standing}`;
  const all = known === -1 ? [...lines, line] : lines.with(known, line);
  return { rights: all.slice(-TOKENS).join('\n'), isNews };
}

function inShort(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

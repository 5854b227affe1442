import { createHash } from 'node:crypto';
import { findAccount, roleAt } from '../../account';
import { deploymentOf, type RequestContext } from '../../config';
import { isAnonymous, needsConnection, type Principal, serversOf } from '../../upstream';

/** The number of tokens whose rights a session remembers. */
const TOKENS = 8;

/**
 * A hash that names the token and, after a space, a hash of what its principal may do here. When the second one changes
 * for the same token, what the client was shown may be out of date.
 */
export function rightsOf(work: RequestContext, principal: Principal): string {
  const { settings } = deploymentOf(work);
  const { grantId, granted } = principal;
  const servers = serversOf({ work, principal });
  const rights = servers.map((server) => [server, roleAt(principal.identity, server, settings)]);
  return `${inShort([grantId, granted])} ${inShort([granted, rights])}`;
}

/**
 * The same and, after another space, a hash of which of these servers are connected, with the status of each. It costs
 * one call of the account, so it is used only when a session starts, when its client opens its own stream, and when the
 * account reports a change.
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
 * Compares a token's rights with what the session stored for it. A part that is missing on one side isn't a change, and
 * neither are the rights of another token. A token that the session doesn't know is compared with the latest one.
 *
 * @param shown the stored lines, one for each token; undefined: nothing was stored yet
 * @param now of {@link rightsOf} or {@link rightsAndConnectionsOf}
 * @returns the lines to store, and whether the client has to be notified
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

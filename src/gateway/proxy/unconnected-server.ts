import type { Context } from 'hono';
import type { CredentialError, Principal } from '../../upstream';
import type { Message } from '../request/message';
import { isOwnSession, serveSession } from '../session/serve';
import { serveStateless } from '../session/stateless';
import type { ProxyRequest } from './proxy-request';

/*
 * What is at `/mcp/{server}` while the person has no connection there: the gate itself, as at `/mcp` with that one
 * server behind it. It shows the tool whose answer is the link (`BEHAVIOURS`, rows 17 and 18). A session that a
 * client begins meanwhile is the gate's own and stays so: once the server is connected its tools come through it,
 * under their own names. Any later session is the server's.
 */

/** What a client asks before it knows of any tool, or resource, of the server. */
const ANSWERED = [
  'server/discover',
  'initialize',
  'notifications/initialized',
  'ping',
  'subscriptions/listen',
  'tools/list',
  'tools/call',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
];

/** Goes on with a session that the gate keeps itself at a server's endpoint; undefined when it is none. */
export async function goOnWithOwn(
  c: Context,
  principal: Principal,
  { message, stateless }: { message: Message | undefined; stateless: boolean },
): Promise<Response | undefined> {
  return !stateless && (await isOwnSession(c, principal)) ? serveSession(c, principal, message) : undefined;
}

/** The gate's own answer in the place of a server that isn't connected; undefined where it has none. */
export async function standIn(
  { c, principal, session }: ProxyRequest,
  { reason }: CredentialError,
  message: Message | undefined,
): Promise<Response | undefined> {
  // A provider that can't be asked now has locked nothing: the caller tries again.
  if (reason === 'provider_unavailable' || !message?.method || !ANSWERED.includes(message.method)) return;
  const begins = message.era === 'legacy' && session === undefined;
  return (
    (begins ? await serveSession(c, principal, message) : undefined) ?? serveStateless(c, principal, message)
  );
}

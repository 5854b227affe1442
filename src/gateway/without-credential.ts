import { record } from '../audit';
import { connectLink, needsConnection } from '../connections';
import { siteOf } from '../site';
import { words } from '../ui';
import type { Message } from './message';
import { about, type Passage } from './passage';
import { rpcError } from './rpc-error';
import { type CredentialError, credentialFor } from './server-credentials';
import { standIn } from './stand-in';

/** "Connect first", for requests that need the server itself; of this gate, in the range that is left to servers. */
const CONNECTION_NEEDED = -32010;
const UNAVAILABLE = -32603;

/** The answer to a request whose server needs a connection that isn't there; undefined when it may go on. */
export async function withoutCredential(
  passage: Passage,
  message: Message | undefined,
): Promise<Response | undefined> {
  const { c, server, principal } = passage;
  if (!needsConnection(server)) return undefined;
  const credential = await credentialFor(siteOf(c), principal, server);
  return credential.ok ? undefined : answerWithout(passage, credential.error, message);
}

/**
 * The gate's own answer when there is no credential: what to do where a client asks for tools or calls one
 * (`stand-in.ts`), else an error that says it. A provider that can't be asked now is 503 with `Retry-After`.
 */
export async function answerWithout(
  passage: Passage,
  error: CredentialError,
  message: Message | undefined,
): Promise<Response> {
  return (await standIn(passage, error, message)) ?? refuse(passage, error, message);
}

async function refuse(
  passage: Passage,
  { reason, detail, retry_after = 1 }: CredentialError,
  message: Message | undefined,
): Promise<Response> {
  const { c, server, principal } = passage;
  record(c, { ...about(passage), event: 'connection_missing', outcome: 'refused', reason, detail });
  const title = server.title ?? server.name;
  const id = message?.id ?? null;
  if (reason === 'provider_unavailable') {
    const text = words.connection.told.provider_unavailable(title, retry_after);
    const response = rpcError({ status: 503, code: UNAVAILABLE, message: text, id, data: { reason } });
    response.headers.set('Retry-After', String(retry_after));
    return response;
  }
  const { url, code } = await connectLink(siteOf(c), principal, server.name);
  const text = words.connection.code.told(words.connection.told[reason](title, url), code);
  if (message === undefined) return emptyAnswer(c.req.method);
  // Nothing can be said to a notification.
  if (message.id === undefined) return new Response(null, { status: 202 });
  return rpcError({ status: 200, code: CONNECTION_NEEDED, message: text, id, data: { reason, url } });
}

/** There is no stream to open, and no session that could go on. */
function emptyAnswer(method: string): Response {
  return method === 'DELETE'
    ? new Response(null, { status: 204 })
    : new Response(null, { status: 405, headers: { Allow: 'POST' } });
}

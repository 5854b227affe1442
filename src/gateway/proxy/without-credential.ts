import { deploymentOf } from '../../config';
import { type CredentialError, credentialFor, needsConnection } from '../../upstream';
import { connectionNeeded } from '../aggregate/connect-tool';
import type { Message } from '../request/message';
import { rpcError } from '../request/rpc-error';
import type { ProxyRequest } from './proxy-request';
import { standIn } from './unconnected-server';

/** The answer to a request whose server needs a connection that isn't there; undefined when it may go on. */
export async function withoutCredential(
  passage: ProxyRequest,
  message: Message | undefined,
): Promise<Response | undefined> {
  const { c, server, principal } = passage;
  if (!needsConnection(server)) return undefined;
  const credential = await credentialFor(deploymentOf(c), principal, server);
  return credential.ok ? undefined : answerWithout(passage, credential.error, message);
}

/**
 * The gate's own answer when there is no credential: what to do where a client asks for tools or calls one
 * (`stand-in.ts`), else an error that says it. A provider that can't be asked now is 503 with `Retry-After`.
 */
export async function answerWithout(
  passage: ProxyRequest,
  error: CredentialError,
  message: Message | undefined,
): Promise<Response> {
  return (await standIn(passage, error, message)) ?? refuse(passage, error, message);
}

async function refuse(
  { c, server, principal }: ProxyRequest,
  lock: CredentialError,
  message: Message | undefined,
): Promise<Response> {
  const error = await connectionNeeded({ work: c, principal }, server, lock);
  const { code, message: text, data } = error;
  const id = message?.id ?? null;
  if (lock.reason === 'provider_unavailable') {
    const { retry_after = 1 } = lock;
    return rpcError({ status: 503, code, message: text, id, data, retry_after });
  }
  if (message === undefined) return emptyAnswer(c.req.method);
  // Nothing can be said to a notification.
  if (message.id === undefined) return new Response(null, { status: 202 });
  return rpcError({ status: 200, code, message: text, id, data });
}

/** There is no stream to open, and no session that could go on. */
function emptyAnswer(method: string): Response {
  return method === 'DELETE'
    ? new Response(null, { status: 204 })
    : new Response(null, { status: 405, headers: { Allow: 'POST' } });
}

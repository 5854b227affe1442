import type { Result } from '../../result';
import { callServerAs, type UpstreamFailure } from '../../upstream';
import type { RequestId } from '../request/refusal';
import type { ProxyRequest } from './proxy-request';

/** Sends something to a request's server, in its session and in its principal's name. */
export async function send(
  { c, server, principal, session }: ProxyRequest,
  outgoing: {
    method: string;
    body?: Uint8Array | undefined;
    headers: Headers;
    signal: AbortSignal;
    /** Of the JSON-RPC request in the body. */
    id?: RequestId | undefined;
  },
): Promise<Result<Response, UpstreamFailure>> {
  const { headers, body } = outgoing;
  // What was read as UTF-8 JSON goes on as such, whatever the client called it.
  if (body) headers.set('content-type', 'application/json');
  else headers.delete('content-type');
  if (session !== undefined) headers.set('mcp-session-id', session.id);
  return callServerAs(c, server, principal, { ...outgoing, account: session?.account });
}

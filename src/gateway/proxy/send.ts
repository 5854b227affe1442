import { callServerAs, type NoCredential, type ServerFault } from '../../upstream';
import type { ProxyRequest } from './proxy-request';

/** Sends a request to a passage's server, in its session and in its principal's name. */
export async function send(
  { c, server, principal, session }: ProxyRequest,
  request: { method: string; body?: Uint8Array | undefined; headers: Headers; signal: AbortSignal },
): Promise<Response | ServerFault | NoCredential> {
  const { headers, body } = request;
  // What was read as UTF-8 JSON goes on as such, whatever the client called it.
  if (body) headers.set('content-type', 'application/json');
  else headers.delete('content-type');
  if (session !== undefined) headers.set('mcp-session-id', session.id);
  return callServerAs(c, server, principal, { ...request, account: session?.account });
}

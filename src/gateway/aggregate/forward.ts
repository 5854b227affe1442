import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type { ServerSetting } from '../../config';
import { membersOf, memberText, withMembers } from '../../json-members';
import {
  asksForInput,
  CredentialMissing,
  lockOf,
  resultFor,
  type ServerAnswer,
  type ServerMessage,
  type View,
} from '../../upstream';
import { connectionNeeded, serverAnswers } from './connect-tool';
import { namesFor } from './names';
import { renamedResult } from './rename';

/** A client's request that an upstream server answers. */
export interface ClientRequest {
  /** The JSON-RPC message, as the client wrote it. */
  text: string;
  /** The client's era. */
  era: 'modern' | 'legacy';
  method: string;
  /** Aborts when the client goes away or cancels the request. */
  signal: AbortSignal;
  /** Gets what the server sends for this request before its answer; undefined: the session gets it. */
  onMessage: ((message: ServerMessage) => void | Promise<void>) | undefined;
}

/** Where a request goes, and what is different there. */
export interface Target {
  server: ServerSetting;
  /** The members of `params` that the server knows by another name, as JSON texts. */
  params: Record<string, string>;
  /** The headers that repeat the message (MCP 2026-07-28, "Standard request headers"). */
  headers: readonly (readonly [string, string])[];
  /** True: URIs in the result stay as the server wrote them. */
  plain?: boolean;
}

/**
 * Sends a request to its server with the server's own names, and returns the answer with the names of this endpoint.
 * `arguments` and everything else in the request and the result stay as they were written.
 *
 * @returns the server's answer, a whole JSON-RPC message: a result or the server's own error
 * @throws what `UpstreamConnection.forward` throws, and `ProtocolError` (-32603) when the server asks for input that a
 * 2025 client can't give
 */
export async function forwardTo(view: View, request: ClientRequest, target: Target): Promise<ServerAnswer> {
  const { server, headers, plain = false } = target;
  const { method, signal, onMessage } = request;
  const text = retargeted(request.text, target.params);
  const answer = await view.use(server, (upstream) =>
    upstream.forward({ text, method, headers, signal, logLevel: view.logLevel, onMessage }),
  );
  if (answer.outcome === 'error') return answer;
  const result = memberText(answer.text, 'result') ?? '{}';
  if (request.era === 'legacy' && asksForInput(answer.value.result)) {
    throw new ProtocolError(
      ProtocolErrorCode.InternalError,
      'The server asks for input that this client can’t give',
    );
  }
  const renamed = plain ? result : renamedResult(namesFor(view.principal), server.name, result);
  return {
    ...answer,
    text: withMembers(answer.text, { result: privately(resultFor(request.era, method, renamed)) }),
  };
}

/**
 * {@link forwardTo} for a request that only a connected server can answer.
 *
 * @throws also {@link connectionNeeded}, with the link, when the server is locked
 */
export async function forwardConnected(
  view: View,
  request: ClientRequest,
  target: Target,
): Promise<ServerAnswer> {
  try {
    return await forwardTo(view, request, target);
  } catch (error) {
    const { server } = target;
    const lock = error instanceof CredentialMissing ? error.credential : await lockOf(view, server);
    throw lock ? await connectionNeeded(view, server, lock) : error;
  }
}

/** A request with some members of `params` replaced, and without the answer to the gate's own input request. */
function retargeted(text: string, params: Record<string, string>): string {
  const own = memberText(text, 'params') ?? '{}';
  return withMembers(text, { params: withMembers(own, { ...params, ...serverAnswers(own) }) });
}

/** Makes the result's `cacheScope` private (MCP 2026-07-28), since another user must not get it from a cache. */
function privately(result: string): string {
  return membersOf(result).has('cacheScope') ? withMembers(result, { cacheScope: '"private"' }) : result;
}

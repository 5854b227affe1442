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
import { connectionNeeded, isConnectAnswer } from './connect-tool';
import { namesFor } from './names';
import { renamedResult } from './rename';

/** A client's request that a server behind answers. */
export interface ClientRequest {
  /** The JSON-RPC message, as the client wrote it. */
  text: string;
  era: 'modern' | 'legacy';
  method: string;
  /** Aborts when the client goes away, or takes the request back. */
  signal: AbortSignal;
  /** Gets what the server says of this request before it answers; undefined: the session does. */
  onMessage: ((message: ServerMessage) => void | Promise<void>) | undefined;
}

/** Where a request goes: the server, and what of `params` has another name there. */
export interface Target {
  server: ServerSetting;
  /** Members of `params`, as JSON texts. */
  params: Record<string, string>;
  /** Headers that repeat the message. */
  headers: readonly (readonly [string, string])[];
  /** Whether URIs in the result stay as the server writes them. */
  plain?: boolean;
}

/**
 * Sends a request to its server under the name that things have there, and returns the server's answer under the
 * names that they have here: a whole JSON-RPC message. `arguments` and the result are the bytes that came.
 *
 * @throws what `UpstreamConnection.forward` throws, and `ProtocolError` where the person must connect first
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

/** As {@link forwardTo}, of what only a connected server can answer: else the client learns where to connect it. */
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

/** A request with other members of `params`, and without the client's answer to a question of the gate's own. */
function retargeted(text: string, params: Record<string, string>): string {
  const own = memberText(text, 'params') ?? '{}';
  return withMembers(text, { params: withMembers(own, { ...params, ...serversAnswers(own) }) });
}

function serversAnswers(params: string): Record<string, string | undefined> {
  const answers = memberText(params, 'inputResponses');
  if (!answers?.startsWith('{')) return {};
  const names = [...membersOf(answers).keys()];
  const own = names.filter(isConnectAnswer);
  if (own.length === 0) return {};
  const left = withMembers(answers, Object.fromEntries(own.map((name) => [name, undefined])));
  return { inputResponses: own.length === names.length ? undefined : left };
}

/** Whoever may not see it must not get it from somebody's cache (2026-07-28). */
function privately(result: string): string {
  return membersOf(result).has('cacheScope') ? withMembers(result, { cacheScope: '"private"' }) : result;
}

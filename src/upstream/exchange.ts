import type { ServerSetting } from '../config';
import { withMembers } from '../json-members';
import { isObject } from '../json-text';
import type { Result } from '../result';
import { callServerAs, type UpstreamFailure } from './call';
import type { CredentialError, UpstreamContext } from './credentials';
import { readErrorAnswer } from './error-answer';
import { type Handshake, MODERN_VERSION } from './handshake';
import { MAX_ANSWER_BYTES, messagesOf, type ServerMessage } from './messages';
import type { Principal } from './principal';
import { maySendAgain } from './send-again';
import { faultOfStatus, type ServerFault } from './server-fault';

/*
 * Sends one JSON-RPC message to a server and reads its answer, as the texts that both sides wrote. Used for the merged
 * endpoint and for the gate's own requests.
 */

/** A server gave no answer to a request: see {@link ServerFault}. */
export class ServerFailure extends Error {
  constructor(
    readonly fault: ServerFault,
    /** What the server did; for the log. */
    detail?: string,
    /** Seconds after which the server may work, as it says (`Retry-After`). */
    readonly retryAfter?: number,
  ) {
    super(detail ?? fault);
  }
}

/** The principal has no credential for the server, or none that works. */
export class CredentialMissing extends Error {
  constructor(readonly credential: CredentialError) {
    super(credential.reason);
  }
}

/** The server no longer knows the session, or no longer speaks as it did, so it didn't execute the request. */
export class SessionLost extends Error {
  constructor() {
    super('the server no longer knows the session');
  }
}

/** A message to be sent. */
export interface Outgoing {
  /** One JSON-RPC message. */
  text: string;
  method: string;
  /** Headers that repeat what is in the message (`Mcp-Name`, `Mcp-Param-*`). */
  headers?: readonly (readonly [string, string])[];
  signal: AbortSignal;
}

/** Where a message is sent, and as which principal. */
export interface Route {
  server: ServerSetting;
  acting: { work: UpstreamContext; principal: Principal };
  /** Undefined: there was no handshake yet, and `version` is the protocol version to use. */
  handshake?: Handshake | undefined;
  version?: string;
  /** The id of the connection with which the session was started; '' where users have none. */
  account: string;
}

/**
 * Posts one message, or ends the session for the method `DELETE`.
 *
 * @param id the request's, by which an answer to it is known
 * @returns the server's HTTP answer, whatever its status
 * @throws {@link ServerFailure} or {@link CredentialMissing} when there is none
 */
export async function post(
  route: Route,
  { text, method, headers = [], signal }: Outgoing,
  id?: string | number,
): Promise<Response> {
  const { server, acting, handshake, account } = route;
  const sent = new Headers({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': route.version ?? versionOf(handshake),
  });
  // The version is negotiated by the message itself (MCP 2025-11-25, "Protocol Version Header").
  if (method === 'initialize') sent.delete('mcp-protocol-version');
  if (sent.get('mcp-protocol-version') === MODERN_VERSION) sent.set('mcp-method', method);
  for (const [name, value] of headers) sent.set(name, value);
  if (handshake?.era === 'legacy' && handshake.session !== undefined)
    sent.set('mcp-session-id', handshake.session);
  const ends = method === 'DELETE';
  if (ends) sent.delete('content-type');
  const body = ends ? undefined : new TextEncoder().encode(text);
  const request = { method: ends ? 'DELETE' : 'POST', headers: sent, body, signal, account, id };
  return answerOrThrow(await callServerAs(acting.work, server, acting.principal, request), signal);
}

/**
 * The response of a call.
 *
 * @param signal of the request
 * @throws the signal's reason when it is aborted, else {@link CredentialMissing} or {@link ServerFailure}
 */
export function answerOrThrow(answer: Result<Response, UpstreamFailure>, signal: AbortSignal): Response {
  if (answer.ok) return answer.value;
  signal.throwIfAborted();
  const { error } = answer;
  if (error.reason === 'no_credential') throw new CredentialMissing(error.credential);
  throw error.reason === 'aborted' ? new Error('the request was aborted') : new ServerFailure(error.reason);
}

function versionOf(handshake: Handshake | undefined): string {
  return handshake?.era === 'legacy' ? handshake.initialize.protocolVersion : MODERN_VERSION;
}

/** A server's answer to a request: its result or its own error. */
export interface ServerAnswer extends ServerMessage {
  outcome: 'result' | 'error';
}

/**
 * Sends a request and waits for its answer.
 *
 * @param outgoing with the `id` of the request as in its text, and `onMessage`, which gets everything that the server
 * sends before its answer
 * @throws {@link ServerFailure}, {@link CredentialMissing} or {@link SessionLost}
 */
export async function exchangeMessages(
  route: Route,
  outgoing: Outgoing & {
    id: string | number;
    maxBytes?: number;
    onMessage?: (message: ServerMessage) => void | Promise<void>;
  },
): Promise<ServerAnswer> {
  const { id, onMessage, maxBytes = MAX_ANSWER_BYTES } = outgoing;
  const answer = await post(route, outgoing, id);
  if (!answer.ok) return answerOfFailed(route, answer, id);
  try {
    for await (const message of messagesOf(answer, maxBytes)) {
      const found = asAnswer(message, id);
      if (found) return found;
      await onMessage?.(message);
    }
  } catch (error) {
    if (outgoing.signal.aborted) throw error;
    throw new ServerFailure('server_broke_off', error instanceof Error ? error.message : String(error));
  }
  throw new ServerFailure('server_not_mcp', `${answer.status} without an answer`);
}

/** A message as the answer to the request with this id; undefined when it isn't. `null` members count as missing. */
export function asAnswer(message: ServerMessage, id: string | number): ServerAnswer | undefined {
  const { value } = message;
  if (value.id !== id || typeof value.method === 'string') return undefined;
  if (isObject(value.error)) return { ...message, outcome: 'error' };
  if (isObject(value.result)) return { ...message, outcome: 'result' };
  return undefined;
}

/** The answer in a response that isn't 2xx: a JSON-RPC error counts, whatever the status. Throws when there is none. */
async function answerOfFailed(
  { handshake }: Route,
  answer: Response,
  id: string | number,
): Promise<ServerAnswer> {
  const { status, headers } = answer;
  const { answers, response } = await readErrorAnswer(answer, id);
  // A server that no longer speaks as it did, because it is another one now, says so as one that forgot a session.
  const inSession =
    handshake !== undefined && (handshake.era === 'modern' || handshake.session !== undefined);
  const attempt = { outcome: 'status', status, answersIt: answers === 'this', inSession } as const;
  if (status !== 401 && maySendAgain(attempt)) throw new SessionLost();
  const refusesGate = status === 401 || status === 403;
  if (answers === 'this' || (answers === 'none' && !refusesGate)) {
    for await (const message of messagesOf(response)) {
      // An error without an id can only be about this request.
      const value = { ...message.value, id };
      const text = withMembers(message.text, { id: JSON.stringify(id) });
      const found = asAnswer({ ...message, text, value }, id);
      if (found) return found;
    }
  }
  const { fault, retryAfter } = faultOfStatus(status, headers);
  throw new ServerFailure(fault, `${status}`, retryAfter);
}

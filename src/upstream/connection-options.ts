import type { ClientCapabilities } from '@modelcontextprotocol/client';
import type { UpstreamContext } from './credentials';
import type { Handshake } from './handshake';
import type { ServerMessage } from './messages';
import type { Principal } from './principal';

/** A principal, and the context of the request in which it acts. */
export interface Acting {
  work: UpstreamContext;
  principal: Principal;
}

/** A request of a server to its client. */
export type Question = { method: string; params: Record<string, unknown> | undefined };

/**
 * Answers a request of a server to its client (sampling, elicitation, roots). `signal`: aborts when the server
 * cancels it; `notify`: sends the server a notification. What it throws becomes a JSON-RPC error.
 */
export type AnswerQuestion = (
  question: Question,
  options: { signal: AbortSignal; notify(method: string, params: object): void },
) => Promise<object>;

/** The client's side of a connection. */
export interface ConnectOptions {
  /** Who acts. Called for each message, because rights and credentials change. */
  acting: () => Acting;
  /** The client capabilities that are announced to the server. */
  capabilities: ClientCapabilities;
  /** Answers the server's requests; without it they get the error -32601. */
  onQuestion?: AnswerQuestion;
  /** Gets the server's notifications that belong to no request. */
  onNotification?: (message: ServerMessage) => void | Promise<void>;
  /** The result of an earlier handshake, which is then not repeated. */
  handshake?: Handshake | undefined;
  /** The era that is tried first: the client's. The default is `modern`. */
  prefers?: 'modern' | 'legacy';
  /** The id of the first request; the next ones count from it. The default is 1. */
  firstId?: number;
}

/** A request on its way to a server. */
export interface Forwarded {
  /** One JSON-RPC request, as its client wrote it. */
  text: string;
  method: string;
  headers?: readonly (readonly [string, string])[];
  signal: AbortSignal;
  logLevel?: string | undefined;
  maxBytes?: number;
  /** Gets the notifications that the server sends for this request before its answer. */
  onMessage?: ((message: ServerMessage) => void | Promise<void>) | undefined;
}

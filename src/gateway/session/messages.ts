import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import type { RequestOrigin } from '../../config';
import type { Handshake, Principal } from '../../upstream';
import type { Audience } from './audience';
import type { LoggedEvent } from './log';

/* The messages between the Worker and a session's object. */

/** A request of a session, as the Worker passes it to the session's object. */
export interface SessionRequest {
  requestOrigin: RequestOrigin;
  principal: Principal;
  /** Who owns the session. Both are empty for a session whose client has no credential of its own. */
  owner: { user: string; client: string };
  /** The principal's rights (`rights.ts`). When they change, the client is notified. */
  rights: string;
  method: string;
  /** Whether the request has no session id: only then can `initialize` start a session. */
  begins: boolean;
  /** The headers that the transport reads, by name in lower case. */
  headers: Record<string, string>;
  /** The JSON text of a POST. */
  body?: string | undefined;
}

/**
 * What the object sends to the Worker that holds the client's own stream: an event to pass on, a server to listen to,
 * or servers to wait for. The Worker passes on only what the token of the stream may see.
 */
export type StreamOrder = { event: LoggedEvent } | { listen: Listening } | { await: string[] };

/** A server to listen to: the result of its handshake with the session, and what to watch there. */
export interface Listening {
  server: string;
  greeting: Handshake;
  /** The resources that the client watches. */
  watched: WatchedStream[];
  /** The last event that arrived from it, to resume after; undefined: none. */
  lastEventId: string | undefined;
}

/** What the Worker that holds the client's own stream sends to the object. */
export type StreamNews =
  | { heard: Heard }
  /** A server no longer knows the session in which it was listened to. */
  | { lost: { server: string; session: string | undefined } }
  /** The Worker now listens to this server. */
  | { listening: string }
  /** The current rights of the stream's principal (`rights.ts`). */
  | { rights: string }
  /** A missing server is back, so the lists changed. */
  | { changed: true };

/** A resource that the client watches. `audience`: who may see its updates; undefined: every token of the owner. */
export interface WatchedStream {
  uri: string;
  audience: Audience | undefined;
}

/** A message from a server's own stream. `principal`: who opened that stream. */
export interface Heard {
  server: string;
  message: JSONRPCMessage;
  eventId: string | undefined;
  principal: Principal;
}

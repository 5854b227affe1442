import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import type { RequestOrigin } from '../../config';
import type { Handshake, Principal } from '../../upstream';
import type { Audience } from './audience';
import type { LoggedEvent } from './log';

/* What the Worker and a session's object tell each other. */

/** A request of a session, as the Worker hands it to the session's object. */
export interface SessionRequest {
  requestOrigin: RequestOrigin;
  principal: Principal;
  /** Whose session it is: of nobody, while its client has no credential of its own. */
  owner: { user: string; client: string };
  /** What the principal may do, in short: when it changes, the client is told. */
  rights: string;
  method: string;
  /** Whether the client named no session: only then can `initialize` begin one. */
  begins: boolean;
  headers: Record<string, string>;
  body?: string | undefined;
}

/**
 * What the object tells whoever holds the client's own stream, who passes on and listens to what the token may that
 * the stream was opened with.
 */
export type StreamOrder = { event: LoggedEvent } | { listen: Listening } | { await: string[] };

/** A server that is to be listened to: how it greeted the session, and what of it is wanted. */
export interface Listening {
  server: string;
  greeting: Handshake;
  /** The resources that the client watches. */
  watched: WatchedStream[];
  /** The last event that was heard of it. */
  lastEventId: string | undefined;
}

/** What whoever holds the client's own stream tells the object. */
export type StreamNews =
  | { heard: Heard }
  /** A server no longer knows the session that it was listened to in. */
  | { lost: { server: string; session: string | undefined } }
  /** What happens at a server is heard from now on. */
  | { listening: string }
  /** What the principal of the stream may do now, in short. */
  | { rights: string }
  /** What there is changed. */
  | { changed: true };

/** A resource that the client watches. `audience`: for whom that is; undefined: for whoever the session belongs to. */
export interface WatchedStream {
  uri: string;
  audience: Audience | undefined;
}

/** What a server said on its own stream. `principal`: in whose name that is open. */
export interface Heard {
  server: string;
  message: JSONRPCMessage;
  eventId: string | undefined;
  principal: Principal;
}

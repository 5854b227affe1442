import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import type { Place } from '../../site';
import type { Greeting } from '../merged/behind';
import type { Principal } from '../principal';
import type { LoggedEvent } from './log';

/* What the Worker and a session's object tell each other. */

/** A request of a session, as the Worker hands it to the session's object. */
export interface SessionRequest {
  place: Place;
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

/** What the object tells whoever holds the client's own stream. */
export type StreamOrder = { event: LoggedEvent } | { listen: Listening } | { await: string[] };

/** A server that is to be listened to: how it greeted the session, and what of it is wanted. */
export interface Listening {
  server: string;
  /** For whom, now. */
  principal: Principal;
  greeting: Greeting;
  /** The resources that the client watches, as the server names them. */
  uris: string[];
  /** The last event that was heard of it. */
  lastEventId: string | undefined;
}

/** What whoever holds the client's own stream tells the object. */
export type StreamNews =
  | { heard: { server: string; message: JSONRPCMessage; eventId: string | undefined } }
  /** A server no longer knows the session that it was listened to in. */
  | { lost: { server: string; session: string | undefined } }
  /** What happens at a server is heard from now on. */
  | { listening: string }
  /** Who the client acts for now, and what that may do, in short. */
  | { principal: Principal; rights: string }
  /** What there is changed. */
  | { changed: true };

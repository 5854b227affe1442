import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import { type Audience, byTokenAlone } from './audience';

/** A pending request of the client. */
export interface Opened {
  /** The id that the client gave it. */
  readonly id: RequestId;
  /** Who may see the answer and everything before it. */
  audience: Audience;
  /** Settles when it is decided whether the request is sent on. */
  judged: Promise<unknown>;
}

/** The part of a message that says which request it is about. */
type Said = { id?: unknown; method?: string; params?: Record<string, unknown> | undefined };

/**
 * The pending requests between a session and its client, in both directions. Each request of the client gets an
 * internal id, so that two tokens or processes that use the same ids never get each other's answers. A request of a
 * server is answered only by a token that is in its audience.
 */
export class SessionRequests {
  #count = 0;
  readonly #opened = new Map<RequestId, Opened>();
  readonly #questions = new Map<RequestId, Audience>();

  /** Adds a request of the client. Returns its internal id (`inner`) and its entry. */
  open(id: RequestId, audience: Audience): { inner: string; opened: Opened } {
    const opened: Opened = { id, audience, judged: Promise.resolve() };
    const inner = `request-${++this.#count}`;
    this.#opened.set(inner, opened);
    return { inner, opened };
  }

  /** The pending request with this internal id; undefined when there is none. */
  find(inner: RequestId): Opened | undefined {
    return this.#opened.get(inner);
  }

  /** Removes a request that was answered, cancelled, or refused. */
  close(inner: RequestId): void {
    this.#opened.delete(inner);
  }

  /** Notes a message that goes to the client, if it is a request of a server or its cancellation. */
  note(message: JSONRPCMessage, audience: Audience | undefined): void {
    if (!('method' in message)) return;
    if ('id' in message) {
      if (audience) this.#questions.set(message.id, audience);
    } else if (message.method === 'notifications/cancelled') {
      this.#questions.delete(message.params?.requestId as RequestId);
    }
  }

  /**
   * A client's notification or response as it is passed on, with internal ids. Undefined: it is dropped, because it is
   * about a request that isn't pending or that this token may not see.
   *
   * @param isForIt whether the token that sent the message is in an audience
   */
  async about(message: Said, isForIt: (audience: Audience) => boolean): Promise<Said | undefined> {
    const { id, method, params } = message;
    if (method === 'notifications/cancelled') {
      const found = [...this.#opened].findLast(
        ([, opened]) => opened.id === params?.requestId && isForIt(byTokenAlone(opened.audience)),
      );
      if (!found) return undefined;
      const [inner, { judged }] = found;
      // A cancellation must not arrive before its request.
      await judged.catch(() => undefined);
      return this.#opened.has(inner) ? { ...message, params: { ...params, requestId: inner } } : undefined;
    }
    const progress = method === 'notifications/progress';
    const question = (method === undefined ? id : progress ? params?.progressToken : undefined) as RequestId;
    const audience = this.#questions.get(question);
    if (audience && !isForIt(audience)) return undefined;
    if (method === undefined) this.#questions.delete(question);
    return message;
  }
}

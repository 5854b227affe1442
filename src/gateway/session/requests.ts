import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import { type Audience, byTokenAlone } from './audience';

/** A request of the client that is under way. */
export interface Opened {
  /** As its client numbers it. */
  readonly id: RequestId;
  /** For whom the answer is, and all that comes before it. */
  audience: Audience;
  /** Resolves when it is decided whether the request is let in. */
  judged: Promise<unknown>;
}

/** As much of a message as says what it is about. */
type Said = { id?: unknown; method?: string; params?: Record<string, unknown> | undefined };

/**
 * What is under way between a session and its client. Each request has an id of its own inside, so that two tokens
 * (or two processes) that count alike never get each other's answers; and a question of a server is answered by
 * whom it is for.
 */
export class SessionRequests {
  #count = 0;
  readonly #opened = new Map<RequestId, Opened>();
  readonly #questions = new Map<RequestId, Audience>();

  /** Takes a request up, under its id inside. */
  open(id: RequestId, audience: Audience): { inner: string; opened: Opened } {
    const opened: Opened = { id, audience, judged: Promise.resolve() };
    const inner = `request-${++this.#count}`;
    this.#opened.set(inner, opened);
    return { inner, opened };
  }

  find(inner: RequestId): Opened | undefined {
    return this.#opened.get(inner);
  }

  /** It is answered, taken back, or was not let in. */
  close(inner: RequestId): void {
    this.#opened.delete(inner);
  }

  /** Notes what goes to the client: a question, or that one is taken back. */
  note(message: JSONRPCMessage, audience: Audience | undefined): void {
    if (!('method' in message)) return;
    if ('id' in message) {
      if (audience) this.#questions.set(message.id, audience);
    } else if (message.method === 'notifications/cancelled') {
      this.#questions.delete(message.params?.requestId as RequestId);
    }
  }

  /**
   * What of a client's message that is no request goes on, with the ids inside; undefined when nothing does: it is
   * about a request or a question that isn't there, or not for this token. `isForIt`: whether something is.
   */
  async about(message: Said, isForIt: (audience: Audience) => boolean): Promise<Said | undefined> {
    const { id, method, params } = message;
    if (method === 'notifications/cancelled') {
      const found = [...this.#opened].findLast(
        ([, opened]) => opened.id === params?.requestId && isForIt(byTokenAlone(opened.audience)),
      );
      if (!found) return undefined;
      const [inner, { judged }] = found;
      // What takes a request back must not overtake it.
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

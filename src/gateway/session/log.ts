import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventStore, JSONRPCMessage, RequestId, Transport } from '@modelcontextprotocol/server';
import { memberText } from '../../json-members';
import { Serial } from '../../serial';
import { RawResults } from '../aggregate/raw-results';
import { type Audience, FOR_NOBODY, readAudience } from './audience';
import { SessionRequests } from './requests';

/** The number of events that a session keeps for clients that reconnect. */
export const KEPT_EVENTS = 1_000;
/** How long an event is kept, in ms. */
export const KEPT_MS = 3_600_000;
/** The longest event that is kept, in characters of its sealed form. A longer one is only sent: no row can hold it. */
const MAX_EVENT = 1_000_000;

/** The name of the client's own stream (GET), as the SDK's transport calls it. */
const STANDALONE = '_GET_stream';

/** An event as it goes to the client. */
export interface LoggedEvent {
  id: string;
  message: JSONRPCMessage;
  /** Who may see it; undefined: every token of the session's owner. */
  audience?: Audience | undefined;
}

type Row = { seq: number; stream: string; message: string; audience: string | null };

/** Encrypts stored events, so that the storage doesn't show what servers answered. */
export interface Sealer {
  seal(value: unknown): Promise<string>;
  /** Undefined when the value can't be decrypted any more. */
  unseal<T>(sealed: string): Promise<T | undefined>;
}

/**
 * What was sent to the client of a session, in order, so that it can resume a stream (MCP 2025-11-25, "Resumability and
 * redelivery"). Events are stored one after the other, so the id of an event is greater than those of all events that a
 * client has seen before.
 */
export class EventLog implements EventStore {
  /** The results that are sent as the texts that servers wrote. */
  readonly results = new RawResults();
  /** True while a restored session repeats its `initialize`: nothing is stored or sent then. */
  muted = false;
  #seq: number;
  readonly #serial = new Serial();
  readonly #cause = new AsyncLocalStorage<() => void>();
  readonly #related = new AsyncLocalStorage<RequestId | undefined>();
  readonly #audience = new AsyncLocalStorage<Audience>();

  constructor(
    private readonly sql: SqlStorage,
    private readonly sealer: Sealer,
    /** Sends an event of the client's own stream to the Worker that holds that stream. */
    private readonly push: (event: LoggedEvent) => void,
    /** The pending requests of the client. */
    private readonly requests = new SessionRequests(),
  ) {
    this.#seq = sql.exec<{ seq: number | null }>('SELECT max(seq) AS seq FROM events').one().seq ?? 0;
  }

  /** Runs work that causes an event. `note` is called once, in the transaction that stores the event. */
  because<T>(note: () => void, work: () => T): T {
    let noted = false;
    const once = () => {
      if (!noted) note();
      noted = true;
    };
    return this.#cause.run(once, work);
  }

  /** Sends something on the client's own stream that only this audience may see. */
  concerning<T>(audience: Audience, send: () => T): T {
    return this.#audience.run(audience, send);
  }

  /** Serves a request of the client, whose stream starts meanwhile. `request`: its internal id. */
  opening<T>(request: RequestId | undefined, serve: () => T): T {
    return this.#related.run(request, serve);
  }

  /**
   * Wraps a transport's `send`, to know which request each message belongs to. A client older than 2025-11-25 gets no
   * event at the start of a stream: it can resume from the first message on.
   */
  follow(transport: Transport): void {
    const send = transport.send.bind(transport);
    transport.send = (message, options) =>
      this.#related.run(options?.relatedRequestId, () => send(message, options));
  }

  /** Runs work between two events: no event is stored meanwhile. */
  inOrder<T>(work: () => Promise<T>): Promise<T> {
    return this.#serial.run('events', work);
  }

  /**
   * Called by the SDK's transport for each message before it is sent. Gives an answer the id that the client used.
   * Returns the event's id.
   */
  storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    if (this.muted) return Promise.resolve('');
    const answers = 'result' in message || 'error' in message;
    const related = answers ? message.id : this.#related.getStore();
    const request = related === undefined ? undefined : this.requests.find(related);
    if (answers && request && related !== undefined) {
      this.requests.close(related);
      // The transport has found the stream by the internal id; the client gets the id that it sent.
      Object.assign(message, { id: request.id });
    }
    return this.#store(stream, message, {
      request: answers ? undefined : request?.id,
      audience: stream === STANDALONE ? this.#audience.getStore() : (request?.audience ?? FOR_NOBODY),
    });
  }

  /** Answers the requests that were pending when the object stopped, with the JSON-RPC error -32603. */
  async answerLost(message: string): Promise<void> {
    for (const { stream, id } of this.unanswered()) {
      await this.#store(stream, { jsonrpc: '2.0', id, error: { code: -32603, message } }, {});
    }
  }

  #store(
    stream: string,
    message: JSONRPCMessage,
    { request, audience }: { request?: RequestId | undefined; audience?: Audience | undefined },
  ): Promise<string> {
    const primes = Object.keys(message).length === 0;
    const answers = 'result' in message || 'error' in message;
    const note = this.#cause.getStore();
    return this.inOrder(async () => {
      const seq = ++this.#seq;
      const id = `${stream === STANDALONE ? '' : stream}~${seq}`;
      const known = this.#callOf(stream);
      const whose = known ? known.audience : audience ? JSON.stringify(audience) : null;
      if (request !== undefined && !known)
        this.sql.exec('INSERT INTO calls VALUES (?, ?, ?)', stream, JSON.stringify(request), whose);
      const text = this.results.textOf(message);
      const sealed = primes ? '' : await this.sealer.seal(text === undefined ? message : { text });
      if (answers) this.sql.exec('DELETE FROM calls WHERE stream = ?', stream);
      // The row stays even without the text, so that no number is used twice.
      const kept = sealed.length <= MAX_EVENT ? sealed : '';
      this.sql.exec('INSERT INTO events VALUES (?, ?, ?, ?, ?)', seq, stream, kept, Date.now(), whose);
      note?.();
      this.sql.exec('DELETE FROM events WHERE seq <= ? OR at < ?', seq - KEPT_EVENTS, Date.now() - KEPT_MS);
      this.requests.note(message, readAudience(whose));
      if (stream === STANDALONE) this.push({ id, message, audience: readAudience(whose) });
      return id;
    });
  }

  /**
   * Sends the events of a stream after `lastEventId`. Returns the stream's name.
   *
   * There is no `getStreamIdForEventId`, which is optional: with it, the transport refuses (409) a client that
   * resumes a stream before the gate has noticed that it broke. Without it, the new stream replaces the old one.
   */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const { stream, seq } = readId(lastEventId) ?? { stream: '', seq: 0 };
    // No new event is sent meanwhile.
    return this.inOrder(async () => {
      for (const { id, message } of await this.#after(stream, seq)) await send(id, message);
      return stream;
    });
  }

  /** The events of the client's own stream after an event. Must run within {@link inOrder}. */
  missed(lastEventId: string): Promise<LoggedEvent[]> {
    return this.#after(STANDALONE, readId(lastEventId)?.seq ?? 0);
  }

  /** Whether an event id belongs to the stream of a request, and not to the client's own stream. */
  static ofRequest(lastEventId: string): boolean {
    const read = readId(lastEventId);
    return read !== undefined && read.stream !== STANDALONE;
  }

  /**
   * Whether there is more after this event on a request's stream that the caller may see. False when the event was the
   * answer, or when the caller isn't in the audience of all the rest.
   */
  hasMoreFor(lastEventId: string, isForIt: (audience: Audience) => boolean): Promise<boolean> {
    return this.inOrder(async () => {
      const { stream, seq } = readId(lastEventId) ?? { stream: '', seq: 0 };
      const query = `SELECT audience FROM calls WHERE stream = ?1
        UNION ALL SELECT audience FROM events WHERE stream = ?1 AND seq > ?2`;
      const rows = this.sql.exec<Pick<Row, 'audience'>>(query, stream, seq).toArray();
      const audiences = rows.map(({ audience }) => readAudience(audience));
      return rows.length > 0 && audiences.every((audience) => !audience || isForIt(audience));
    });
  }

  /** The requests that have no answer yet: they are pending, or were when the object stopped. */
  unanswered(): { stream: string; id: string | number }[] {
    const rows = this.sql.exec<{ stream: string; request_id: string }>('SELECT * FROM calls').toArray();
    return rows.map(({ stream, request_id }) => ({ stream, id: JSON.parse(request_id) as string | number }));
  }

  /** A message for the SDK whose result is the text that a server wrote. */
  #messageOf(text: string): JSONRPCMessage {
    const id = JSON.parse(memberText(text, 'id') ?? 'null') as RequestId;
    return { jsonrpc: '2.0', id, result: this.results.keep(memberText(text, 'result') ?? '{}') };
  }

  #callOf(stream: string): Pick<Row, 'audience'> | undefined {
    const query = 'SELECT audience FROM calls WHERE stream = ?';
    return this.sql.exec<Pick<Row, 'audience'>>(query, stream).toArray()[0];
  }

  async #after(stream: string, seq: number): Promise<LoggedEvent[]> {
    const rows = this.sql
      .exec<Row>(
        "SELECT seq, stream, message, audience FROM events WHERE stream = ? AND seq > ? AND message <> '' ORDER BY seq",
        stream,
        seq,
      )
      .toArray();
    const events = rows.map(async (row) => {
      const kept = await this.sealer.unseal<JSONRPCMessage | { text: string }>(row.message);
      const message = kept && 'text' in kept ? this.#messageOf(kept.text) : kept;
      const id = `${stream === STANDALONE ? '' : stream}~${row.seq}`;
      return message && { id, message, audience: readAudience(row.audience) };
    });
    return (await Promise.all(events)).filter((event) => event !== undefined);
  }
}

function readId(id: string): { stream: string; seq: number } | undefined {
  const [, stream, seq] = /^([\w-]*)~(\d{1,15})$/.exec(id) ?? [];
  if (stream === undefined || seq === undefined) return undefined;
  return { stream: stream === '' ? STANDALONE : stream, seq: Number(seq) };
}

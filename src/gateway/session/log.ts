import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventStore, JSONRPCMessage, RequestId, Transport } from '@modelcontextprotocol/server';
import { memberText } from '../../json-members';
import { Serial } from '../../serial';
import { RawResults } from '../aggregate/raw-results';
import { type Audience, FOR_NOBODY, readAudience } from './audience';
import { SessionRequests } from './requests';

/** How many events a session keeps for clients that come back, and for how long (ms). */
export const KEPT_EVENTS = 1_000;
export const KEPT_MS = 3_600_000;
/** An event longer than this is sent and not kept: a row can't hold it. */
const MAX_EVENT = 1_000_000;

/** The name of the client's own stream (GET), as the SDK's transport calls it. */
const STANDALONE = '_GET_stream';

/** An event as it goes to the client. */
export interface LoggedEvent {
  id: string;
  message: JSONRPCMessage;
  /** For whom it is; undefined: for whoever the session belongs to. */
  audience?: Audience | undefined;
}

type Row = { seq: number; stream: string; message: string; audience: string | null };

/** How events are kept: nobody who reads the storage learns what servers answered. */
export interface Sealer {
  seal(value: unknown): Promise<string>;
  unseal<T>(sealed: string): Promise<T | undefined>;
}

/**
 * What was sent to the client of a session, in order, so that it can come back to a stream (MCP 2025-11-25,
 * "Resumability and redelivery"). One event is stored after the other: an id that a client has seen is past all
 * that came before it.
 */
export class EventLog implements EventStore {
  /** Results that pass as the texts that servers wrote. */
  readonly results = new RawResults();
  /** While a restored session is told again how it began, nothing of it is news. */
  muted = false;
  #seq: number;
  readonly #serial = new Serial();
  readonly #cause = new AsyncLocalStorage<() => void>();
  readonly #related = new AsyncLocalStorage<RequestId | undefined>();
  readonly #audience = new AsyncLocalStorage<Audience>();

  constructor(
    private readonly sql: SqlStorage,
    private readonly sealer: Sealer,
    /** Sends an event of the client's own stream to whoever holds that stream. */
    private readonly push: (event: LoggedEvent) => void,
    /** The requests that are under way. */
    private readonly requests = new SessionRequests(),
  ) {
    this.#seq = sql.exec<{ seq: number | null }>('SELECT max(seq) AS seq FROM events').one().seq ?? 0;
  }

  /** Does something of which an event will come; `note` is called in the transaction that stores it, once. */
  because<T>(note: () => void, work: () => T): T {
    let noted = false;
    const once = () => {
      if (!noted) note();
      noted = true;
    };
    return this.#cause.run(once, work);
  }

  /** Sends something on the client's own stream, or on a request's, that is for nobody else than `audience`. */
  concerning<T>(audience: Audience, send: () => T): T {
    return this.#audience.run(audience, send);
  }

  /** Serves a request of the client, whose stream begins meanwhile. */
  opening<T>(request: RequestId | undefined, serve: () => T): T {
    return this.#related.run(request, serve);
  }

  /**
   * Learns from a transport to which request each message belongs. The stream of a client older than 2025-11-25
   * begins without an event: the first on it is the first that such a client can come back to.
   */
  follow(transport: Transport): void {
    const send = transport.send.bind(transport);
    transport.send = (message, options) =>
      this.#related.run(options?.relatedRequestId, () => send(message, options));
  }

  /** Does something between two events. */
  inOrder<T>(work: () => Promise<T>): Promise<T> {
    return this.#serial.run('events', work);
  }

  storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    if (this.muted) return Promise.resolve('');
    const answers = 'result' in message || 'error' in message;
    const related = answers ? message.id : this.#related.getStore();
    const request = related === undefined ? undefined : this.requests.find(related);
    if (answers && request && related !== undefined) {
      this.requests.close(related);
      // The transport has found its stream by now: from here on it has the id that its client gave it.
      Object.assign(message, { id: request.id });
    }
    return this.#store(stream, message, {
      request: answers ? undefined : request?.id,
      audience: stream === STANDALONE ? this.#audience.getStore() : (request?.audience ?? FOR_NOBODY),
    });
  }

  /** Answers the requests that were under way when the object went away. */
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
      // The number stays taken: one that a client has seen must never come again.
      const kept = sealed.length <= MAX_EVENT ? sealed : '';
      this.sql.exec('INSERT INTO events VALUES (?, ?, ?, ?, ?)', seq, stream, kept, Date.now(), whose);
      note?.();
      this.sql.exec('DELETE FROM events WHERE seq <= ? OR at < ?', seq - KEPT_EVENTS, Date.now() - KEPT_MS);
      this.requests.note(message, readAudience(whose));
      if (stream === STANDALONE) this.push({ id, message, audience: readAudience(whose) });
      return id;
    });
  }

  // Without `getStreamIdForEventId`, which is optional: with it the transport refuses (409) who comes back to a
  // stream that broke before the gate has noticed, and now the newer takes the place of the older.
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const { stream, seq } = readId(lastEventId) ?? { stream: '', seq: 0 };
    // Nothing goes out to the stream before it meanwhile.
    return this.inOrder(async () => {
      for (const { id, message } of await this.#after(stream, seq)) await send(id, message);
      return stream;
    });
  }

  /** What the client's own stream has missed since an event. Runs within {@link inOrder}. */
  missed(lastEventId: string): Promise<LoggedEvent[]> {
    return this.#after(STANDALONE, readId(lastEventId)?.seq ?? 0);
  }

  /** Whether an event is of a request's stream, and not of the client's own. */
  static ofRequest(lastEventId: string): boolean {
    const read = readId(lastEventId);
    return read !== undefined && read.stream !== STANDALONE;
  }

  /**
   * Whether something is to come after an event of a request's stream, and is for whoever asks: if not, the request
   * is answered and this was the last of it, or it is none of theirs.
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

  /** The requests whose answers were not sent: they are under way, or the object went away under them. */
  unanswered(): { stream: string; id: string | number }[] {
    const rows = this.sql.exec<{ stream: string; request_id: string }>('SELECT * FROM calls').toArray();
    return rows.map(({ stream, request_id }) => ({ stream, id: JSON.parse(request_id) as string | number }));
  }

  /** A message whose result is a server's own text, as it goes through the SDK. */
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

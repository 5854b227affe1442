import type { Context } from 'hono';
import { credentialsOf, type Principal, serversOf } from '../../upstream';
import { watchPrincipal } from '../request/grant-watch';
import { isFor } from './audience';
import { isBack, listenTo } from './listen';
import type { Listening, StreamNews, StreamOrder } from './messages';
import { rightsAndConnectionsOf } from './rights';

/** The interval between comments on a stream, in ms. They keep proxies from closing it. */
const KEEP_ALIVE_MS = 15_000;
/** The number of events that may wait for a slow client. Beyond it the stream ends, and the client must resume. */
const MAX_WAITING = 256;

/** A server that is listened to: in which session, and with which connection of the user. */
interface Heard {
  until: AbortController[];
  session: string | undefined;
  account: Promise<string>;
}

/**
 * The client's own stream (GET) of a 2025-era session. The Worker holds it, listens to the upstream servers and to
 * the account, and gets events from the session's object over a hibernatable socket. The stream has the current
 * rights of the token that opened it, whatever other tokens do in the session. It doesn't pass on what only a token
 * with more rights may see. It ends when the grant ends.
 */
export class OwnStream {
  readonly #encoder = new TextEncoder();
  readonly #stop = new AbortController();
  readonly #listening = new Map<string, Heard>();
  readonly #awaited = new Set<string>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  private constructor(
    private readonly c: Context,
    private principal: Principal,
    private readonly socket: WebSocket,
  ) {}

  /** Opens the stream. `socket`: connected to the session's object, not accepted yet. */
  static open(c: Context, principal: Principal, socket: WebSocket): ReadableStream<Uint8Array> {
    const stream = new OwnStream(c, principal, socket);
    const readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          stream.#controller = controller;
        },
        cancel: () => stream.#end(),
      },
      new CountQueuingStrategy({ highWaterMark: MAX_WAITING }),
    );
    socket.addEventListener('message', ({ data }) => stream.#obey(JSON.parse(String(data)) as StreamOrder));
    socket.addEventListener('close', () => stream.#end());
    socket.accept();
    const unwatch = watchPrincipal(c, principal, {
      // If the account can't be reached, the next change tries again.
      changed: (now) => void stream.#become(now).catch(() => undefined),
      ended: () => stream.#end(),
    });
    const timer = setInterval(() => stream.#write(': still here\n\n'), KEEP_ALIVE_MS);
    stream.#stop.signal.addEventListener('abort', () => {
      clearInterval(timer);
      unwatch();
    });
    return readable;
  }

  #obey(order: StreamOrder): void {
    if ('event' in order) {
      const { id, message, audience } = order.event;
      if (audience && !isFor(this.c, this.principal, audience)) return;
      this.#write(`event: message\nid: ${id}\ndata: ${JSON.stringify(message)}\n\n`);
    } else if ('listen' in order) this.#listen(order.listen);
    else for (const server of order.await) void this.#awaitServer(server);
  }

  /** Continues with changed rights. Stops listening to servers that were removed, or are connected differently now. */
  async #become(now: Principal): Promise<void> {
    this.principal = now;
    credentialsOf(this.c).forget();
    for (const [name, heard] of this.#listening) {
      const server = this.#find(name);
      if (server && (await credentialsOf(this.c).isAccountStill(now, server, await heard.account))) continue;
      for (const one of heard.until) one.abort();
      if (this.#listening.get(name) === heard) this.#listening.delete(name);
    }
    this.#report({ rights: await rightsAndConnectionsOf(this.c, now) });
  }

  #listen({ server: name, ...wanted }: Listening): void {
    const server = this.#find(name);
    const { greeting, watched, lastEventId } = wanted;
    // In a session the server knows the subscriptions, so its stream stays open.
    const session = greeting.era === 'legacy' ? greeting.session : undefined;
    const listening = this.#listening.get(name);
    // The principal may not use it, or the stream is open: nothing to wait for.
    if (!server || (session !== undefined && listening?.session === session)) {
      this.#report({ listening: name });
      return;
    }
    const until = new AbortController();
    // Earlier streams stay until this one is open. Those of an ended session are closed at once.
    const before = listening?.until ?? [];
    if (session !== undefined) for (const one of before) one.abort();
    const account = credentialsOf(this.c).accountAt(this.principal, server);
    this.#listening.set(name, { until: [...before, until], session, account });
    const ears = {
      message: (message: object, eventId: string | undefined) =>
        this.#report({ heard: { server: name, message, eventId, principal: this.principal } } as StreamNews),
      lost: () => this.#report({ lost: { server: name, session } }),
      opened: () => {
        for (const one of before) one.abort();
        this.#report({ listening: name });
      },
    };
    const signal = AbortSignal.any([until.signal, this.#stop.signal]);
    const uris = watched
      .filter(({ audience }) => !audience || isFor(this.c, this.principal, audience))
      .map(({ uri }) => uri);
    void listenTo({ acting: () => this.#acting(), server, greeting, uris, lastEventId }, ears, signal);
  }

  async #awaitServer(name: string): Promise<void> {
    const server = this.#find(name);
    if (!server || this.#awaited.has(name)) return;
    this.#awaited.add(name);
    const back = await isBack(server, () => this.#acting(), this.#stop.signal);
    this.#awaited.delete(name);
    if (back) this.#report({ changed: true });
  }

  #acting() {
    return { work: this.c, principal: this.principal };
  }

  #find(name: string) {
    return serversOf(this.#acting()).find((server) => server.name === name);
  }

  #report(news: StreamNews): void {
    if (this.#stop.signal.aborted) return;
    this.socket.send(JSON.stringify(news));
  }

  #write(text: string): void {
    if (this.#stop.signal.aborted) return;
    // A client that reads too slowly gets the rest when it resumes.
    if ((this.#controller?.desiredSize ?? 0) <= 0) this.#end();
    else this.#controller?.enqueue(this.#encoder.encode(text));
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    try {
      this.#controller?.close();
    } catch {
      // The client has already closed it.
    }
    this.socket.close(1000, 'the stream has ended');
  }
}

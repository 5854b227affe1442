import type { Context } from 'hono';
import { credentialsOf, type Principal, serversOf } from '../../upstream';
import { watchPrincipal } from '../request/grant-watch';
import { isFor } from './audience';
import { isBack, listenTo } from './listen';
import type { Listening, StreamNews, StreamOrder } from './messages';
import { rightsAndConnectionsOf } from './rights';

/** How often an idle stream says that it is there, in ms: proxies cut what is silent. */
const KEEP_ALIVE_MS = 15_000;
/** How many events may wait for a client that doesn't read, before it has to come back for them. */
const MAX_WAITING = 256;

/** A server that is listened to: in which session, and in the name of which account there. */
interface Heard {
  until: AbortController[];
  session: string | undefined;
  account: Promise<string>;
}

/**
 * The client's own stream (GET) of a 2025-era session. The Worker holds it, listens to the servers behind and to
 * the account, and hears of events from the session's object at a socket, on which the object may sleep. It acts as
 * the token that it was opened with, as that is known now, whatever other tokens do in the session: what is for one
 * that may do more, it doesn't pass on.
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

  /** Opens the stream; `socket` is the session's, not accepted yet. */
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
      // An account that can't be asked now is asked at the next change.
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

  /** Goes on as who the principal is now: what it may no longer use, or not as this account, is not listened to. */
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
    // In a session the server knows what is wanted: its stream goes on.
    const session = greeting.era === 'legacy' ? greeting.session : undefined;
    const listening = this.#listening.get(name);
    // It is none of theirs: there is nothing to wait for.
    if (!server || (session !== undefined && listening?.session === session)) {
      this.#report({ listening: name });
      return;
    }
    const until = new AbortController();
    // Those before hear what happens until this one does; in a session that is no more there is nothing to hear.
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
    // What a client that reads too slowly misses, it gets when it comes back.
    if ((this.#controller?.desiredSize ?? 0) <= 0) this.#end();
    else this.#controller?.enqueue(this.#encoder.encode(text));
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    try {
      this.#controller?.close();
    } catch {
      // The client went first.
    }
    this.socket.close(1000, 'the stream has ended');
  }
}

import type { StreamOrder } from './messages';
import type { SessionStore } from './store';

/** The longest time that a subscription waits until its server is listened to, in ms. */
const LISTENING_MS = 2_000;

/**
 * The Worker that holds the client's own stream, seen from the session's object: the other end of a hibernatable
 * socket. There may be none. That Worker passes events on, and listens to the upstream servers (`stream.ts`).
 */
export class StreamHolder {
  /** By server: the callers of {@link listenNow} that wait for it. */
  readonly #unheard = new Map<string, (() => void)[]>();

  constructor(
    private readonly ctx: DurableObjectState,
    private readonly store: SessionStore,
  ) {}

  /** Whether a client's own stream is open. */
  isThere(): boolean {
    return this.ctx.getWebSockets().length > 0;
  }

  /** Replaces the Worker that held the stream before. */
  replaceBy(socket: WebSocket): void {
    this.letGo('replaced');
    this.ctx.acceptWebSocket(socket);
  }

  /** Ends the client's own stream. `reason`: for the socket's close frame. */
  letGo(reason: string): void {
    for (const socket of this.ctx.getWebSockets()) socket.close(1000, reason);
  }

  /** Sends an order to the Worker. `to`: this socket only. */
  order(order: StreamOrder, to?: WebSocket): void {
    const text = JSON.stringify(order);
    for (const socket of to ? [to] : this.ctx.getWebSockets()) {
      try {
        socket.send(text);
      } catch {
        // The socket has just closed. What it misses is in the log.
      }
    }
  }

  /** Has the Worker listen to a server, if the session did a handshake with it. `to`: over this socket only. */
  async listen(server: string, to?: WebSocket): Promise<void> {
    const greeting = await this.store.greeting(server);
    if (!greeting) return;
    const [watched, lastEventId] = [this.store.subscriptions(server), this.store.heard(server)];
    this.order({ listen: { server, greeting, watched, lastEventId } }, to);
  }

  /** {@link listen} for all servers of the session, since rights or connections may have changed. */
  async listenToAll(to?: WebSocket): Promise<void> {
    for (const server of this.store.greeted()) await this.listen(server, to);
  }

  /** {@link listen}, and waits until the Worker listens: 2 s at most, and not at all without an open stream. */
  async listenNow(server: string): Promise<void> {
    if (!this.isThere()) return;
    const listening = new Promise<void>((resolve) => {
      this.#unheard.set(server, [...(this.#unheard.get(server) ?? []), resolve]);
    });
    await this.listen(server);
    await Promise.race([listening, scheduler.wait(LISTENING_MS)]);
  }

  /** The Worker reports that it listens to a server. */
  listened(server: string): void {
    const waiting = this.#unheard.get(server) ?? [];
    this.#unheard.delete(server);
    for (const go of waiting) go();
  }
}

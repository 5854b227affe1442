import type { StreamOrder } from './messages';
import type { SessionStore } from './store';

/** How long a subscription waits until its server is listened to, in ms. */
const LISTENING_MS = 2_000;

/**
 * The Worker that holds the client's own stream, at the other end of a hibernatable socket; there may be none. It
 * sends events on, and listens to the servers behind.
 */
export class StreamHolder {
  /** Who waits until a server is listened to. */
  readonly #unheard = new Map<string, (() => void)[]>();

  constructor(
    private readonly ctx: DurableObjectState,
    private readonly store: SessionStore,
  ) {}

  isThere(): boolean {
    return this.ctx.getWebSockets().length > 0;
  }

  /** Takes the place of whoever held it. */
  replaceBy(socket: WebSocket): void {
    this.letGo('replaced');
    this.ctx.acceptWebSocket(socket);
  }

  letGo(reason: string): void {
    for (const socket of this.ctx.getWebSockets()) socket.close(1000, reason);
  }

  order(order: StreamOrder, to?: WebSocket): void {
    const text = JSON.stringify(order);
    for (const socket of to ? [to] : this.ctx.getWebSockets()) {
      try {
        socket.send(text);
      } catch {
        // It closed a moment ago: what it misses is in the log.
      }
    }
  }

  /** Has a server listened to that the session has spoken to. */
  async listen(server: string, to?: WebSocket): Promise<void> {
    const greeting = await this.store.greeting(server);
    if (!greeting) return;
    const [watched, lastEventId] = [this.store.subscriptions(server), this.store.heard(server)];
    this.order({ listen: { server, greeting, watched, lastEventId } }, to);
  }

  /** The same for all: what may be used again, or as another account, is listened to again. */
  async listenToAll(to?: WebSocket): Promise<void> {
    for (const server of this.store.greeted()) await this.listen(server, to);
  }

  /** The same for one, and waits until it is; if nobody is there, or the server is slow, not for long. */
  async listenNow(server: string): Promise<void> {
    if (!this.isThere()) return;
    const listening = new Promise<void>((resolve) => {
      this.#unheard.set(server, [...(this.#unheard.get(server) ?? []), resolve]);
    });
    await this.listen(server);
    await Promise.race([listening, scheduler.wait(LISTENING_MS)]);
  }

  /** Word that a server is listened to. */
  listened(server: string): void {
    const waiting = this.#unheard.get(server) ?? [];
    this.#unheard.delete(server);
    for (const go of waiting) go();
  }
}

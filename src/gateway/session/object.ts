import { DurableObject } from 'cloudflare:workers';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server';
import { type Place, siteAt, type Work } from '../../site';
import { admitCall, mergedResource } from '../merged/admit';
import type { Greeting } from '../merged/behind';
import { methodNotAllowed } from '../message';
import type { Principal } from '../principal';
import { rpcError } from '../rpc-error';
import { INNER_ID, LiveSession } from './live';
import { EventLog, type LoggedEvent } from './log';
import { SessionStore } from './store';

/** A request of a session, as the Worker hands it to the session's object. */
export interface SessionRequest {
  place: Place;
  principal: Principal;
  /** What the principal may do, in short: when it changes, the client is told. */
  rights: string;
  method: string;
  /** It comes without a session, to begin one. */
  begins: boolean;
  headers: Record<string, string>;
  body?: string | undefined;
}

/** What the object tells whoever holds the client's own stream. */
export type StreamOrder = { event: LoggedEvent } | { listen: Listening } | { await: string[] };

/** A server that is to be listened to: how it greeted the session, and what of it is wanted. */
export interface Listening {
  server: string;
  greeting: Greeting;
  /** The resources that the client watches, as the server names them. */
  uris: string[];
  /** The last event that was heard of it. */
  lastEventId: string | undefined;
}

/** What whoever holds the client's own stream tells the object. */
export type StreamNews =
  | { heard: { server: string; message: JSONRPCMessage; eventId: string | undefined } }
  /** A server no longer knows a session of ours. */
  | { lost: { server: string; session: string | undefined } }
  /** What happens at a server is heard from now on. */
  | { listening: string }
  /** What the client may do changed, or what there is. */
  | { changed: true };

const SESSION_NOT_FOUND = -32001;
/** How long a subscription waits until its server is listened to, in ms. */
const LISTENING_MS = 2_000;

/** The answer to a session id that stands for nothing here, or for somebody else's session. */
export function sessionNotFound(id: string | number | undefined): Response {
  return rpcError({ status: 404, code: SESSION_NOT_FOUND, message: 'Session not found', id: id ?? null });
}

/**
 * One MCP session of the 2025 era at `/mcp`. It belongs to one user and client, keeps what the protocol's state
 * is (how it began, sessions on the servers behind, what was sent), and ends when its client says so or leaves
 * it alone for `TOKENS.session`. The client's own stream is held by a Worker at a hibernatable socket, so that an
 * idle session runs nowhere.
 */
export class McpSessionObject extends DurableObject<Env> {
  readonly #store: SessionStore;
  readonly #log: EventLog;
  #live: Promise<LiveSession> | undefined;
  #isOver = false;
  /** Who waits until a server is listened to. */
  readonly #unheard = new Map<string, (() => void)[]>();
  /** Requests reach the transport one after the other, so that each finds its own stream. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SessionStore(ctx.storage, env);
    this.#log = new EventLog(ctx.storage.sql, this.#store, (event) => this.#order({ event }));
  }

  /** A POST, DELETE, or the GET of a request's stream. 404 when there is no such session of that client. */
  async handle(request: SessionRequest): Promise<Response> {
    const { place, principal, rights, method, headers, body } = request;
    const message = body === undefined ? undefined : (JSON.parse(body) as JSONRPCRequest);
    if (request.begins && message && !this.#isOver && !this.#store.read()) {
      this.#store.begin(message, principal, place, Date.now());
      this.#store.setRights(rights);
      this.#live = this.#wake(false);
    }
    const state = this.#isOver ? undefined : this.#store.read();
    const own = state?.user_id === principal.user.id && state.client_id === principal.client.id;
    if (!own) return sessionNotFound(message?.id);
    this.#store.use(principal, place, Date.now());
    await this.#untilIdle(place);

    const live = await this.#awake();
    const work = await this.#work(place);
    if (state.rights !== rights) {
      this.#store.setRights(rights);
      if (state.rights !== undefined) await live.tellChanges(work);
    }
    const lastEventId = headers['last-event-id'];
    // A client that gets an error for an answer asks again for its stream, until it hears that there is none.
    if (method === 'GET' && lastEventId !== undefined && (await this.#log.isLast(lastEventId))) {
      return methodNotAllowed();
    }
    const call = { id: message?.id, method: message?.method, params: message?.params ?? {} };
    const called = await admitCall(live.view(work, principal), mergedResource({ work }), call);
    if (called instanceof Response) return called;
    const inner = new Request('https://session/mcp', {
      method,
      headers: { ...headers, 'mcp-session-id': INNER_ID },
      ...(body === undefined ? {} : { body }),
    });
    const response = await this.#inTurn(message?.id, () => live.handle(inner, { work, principal, called }));
    const ends = method === 'DELETE' ? response.ok : message?.method === 'initialize' && !response.ok;
    if (ends) await this.#end();
    return response;
  }

  /** Opens the socket of whoever holds the client's own stream; a newer one takes the place of an older. */
  override async fetch(request: Request): Promise<Response> {
    const lastEventId = request.headers.get('last-event-id');
    const rights = request.headers.get('gatehouse-rights');
    const state = this.#isOver ? undefined : this.#store.read();
    if (state?.user_id !== request.headers.get('gatehouse-user')) return sessionNotFound(undefined);
    const { 0: theirs, 1: ours } = new WebSocketPair();
    await this.#log.inOrder(async () => {
      const missed = lastEventId === null ? [] : await this.#log.missed(lastEventId);
      for (const socket of this.ctx.getWebSockets()) socket.close(1000, 'replaced');
      this.ctx.acceptWebSocket(ours);
      for (const event of missed) this.#order({ event }, ours);
    });
    for (const server of this.#store.greeted()) await this.#listen(server, ours);
    if (rights !== null && state?.rights !== rights) {
      this.#store.setRights(rights);
      await (await this.#awake()).tellChanges(await this.#work(state.place));
    }
    return new Response(null, { status: 101, webSocket: theirs });
  }

  override async webSocketMessage(_socket: WebSocket, text: string | ArrayBuffer): Promise<void> {
    if (this.#isOver || typeof text !== 'string') return;
    const news = JSON.parse(text) as StreamNews;
    if ('listening' in news) return this.#listened(news.listening);
    const state = this.#store.read();
    if (!state) return;
    const live = await this.#awake();
    if ('lost' in news && !(await live.forgetSession(news.lost))) return;
    if (!('heard' in news)) {
      // The client knows: what it is shown next is no news.
      this.#store.setRights(null);
      return live.tellChanges(await this.#work(state.place));
    }
    const { server, message, eventId } = news.heard;
    // Both are stored or neither is: what was heard, and the event that came of it.
    const note = () => eventId !== undefined && this.#store.setHeard(server, eventId);
    await this.#log.because(note, () => live.receive(server, message));
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  /** Ends the session when nobody used it for long; an open stream is a use. */
  override async alarm(): Promise<void> {
    const state = this.#store.read();
    if (!state) return this.#end();
    const { settings } = await siteAt(this.env, state.place);
    const idle = settings.tokens.session * 1000;
    const since = this.ctx.getWebSockets().length > 0 ? Date.now() : state.used_at;
    if (since + idle > Date.now()) return this.ctx.storage.setAlarm(since + idle);
    await this.#end();
  }

  /** Asks to be woken when the session will have been idle for too long. */
  async #untilIdle(place: Place): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) !== null) return;
    const { settings } = await siteAt(this.env, place);
    await this.ctx.storage.setAlarm(Date.now() + settings.tokens.session * 1000);
  }

  #awake(): Promise<LiveSession> {
    this.#live ??= this.#wake(true);
    return this.#live;
  }

  async #wake(restored: boolean): Promise<LiveSession> {
    const state = this.#store.read();
    if (!state) throw new Error('a session that has ended was woken');
    const work = await this.#work(state.place);
    const live = new LiveSession(this.#store, this.#log, state, work, {
      greeted: (server) => this.#listen(server),
      subscribed: (server) => this.#listenNow(server),
      missing: (servers) => this.#order({ await: servers }),
    });
    await live.start(restored ? state : undefined);
    return live;
  }

  async #work(place: Place): Promise<Work> {
    return { var: { site: await siteAt(this.env, place) }, env: this.env, executionCtx: this.ctx };
  }

  #inTurn<T>(id: string | number | undefined, serve: () => Promise<T>): Promise<T> {
    const served = this.#turn.then(async () => {
      this.#log.opening = id;
      return serve();
    });
    this.#turn = served.catch(() => undefined);
    return served;
  }

  /** Has a server listened to, for as long as the client's own stream is open. */
  async #listen(server: string, to?: WebSocket): Promise<void> {
    const greeting = await this.#store.greeting(server);
    if (!greeting) return;
    const [uris, lastEventId] = [this.#store.subscriptions(server), this.#store.heard(server)];
    this.#order({ listen: { server, greeting, uris, lastEventId } }, to);
  }

  /** The same, and waits until it is; if nobody holds the stream, or the server is slow, not for long. */
  async #listenNow(server: string): Promise<void> {
    if (this.ctx.getWebSockets().length === 0) return;
    const listening = new Promise<void>((resolve) => {
      this.#unheard.set(server, [...(this.#unheard.get(server) ?? []), resolve]);
    });
    await this.#listen(server);
    await Promise.race([listening, scheduler.wait(LISTENING_MS)]);
  }

  #listened(server: string): void {
    const waiting = this.#unheard.get(server) ?? [];
    this.#unheard.delete(server);
    for (const go of waiting) go();
  }

  #order(order: StreamOrder, to?: WebSocket): void {
    const text = JSON.stringify(order);
    for (const socket of to ? [to] : this.ctx.getWebSockets()) {
      try {
        socket.send(text);
      } catch {
        // It closed a moment ago: what it misses is in the log.
      }
    }
  }

  async #end(): Promise<void> {
    const live = this.#isOver || !this.#store.read() ? undefined : await this.#awake().catch(() => undefined);
    this.#isOver = true;
    await live?.end().catch(() => undefined);
    for (const socket of this.ctx.getWebSockets()) socket.close(1000, 'ended');
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }
}

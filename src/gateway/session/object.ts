import { DurableObject } from 'cloudflare:workers';
import type { JSONRPCRequest } from '@modelcontextprotocol/server';
import { deploymentAt, type RequestOrigin } from '../../config';
import { leavePool } from '../../flow';
import { Serial } from '../../serial';
import { type Acting, isAnonymous, RequestCredentials, type UpstreamContext } from '../../upstream';
import { toJsonRpcError } from '../request/refusal';
import { SessionIntake } from './intake';
import { LiveSession } from './live';
import { EventLog, type LoggedEvent } from './log';
import type { SessionRequest, StreamNews } from './messages';
import { SessionRequests } from './requests';
import { compareRights } from './rights';
import { type Asked, SessionSignIn } from './sign-in';
import { type SessionState, SessionStore } from './store';
import { StreamHolder } from './stream-socket';

/**
 * The Durable Object of one MCP session of the 2025 era at `/mcp`. It belongs to one user and client, and keeps the
 * state of the protocol: how the session started, its sessions at upstream servers, and what was sent. It ends when
 * its client sends DELETE, or doesn't use it for `TOKENS.session`. A Worker holds the client's own stream and is
 * connected by a hibernatable socket, so that the object of an idle session can sleep.
 */
export abstract class McpSessionObject extends DurableObject<Env> {
  readonly #store: SessionStore;
  readonly #log: EventLog;
  readonly #holder: StreamHolder;
  readonly #signIn: SessionSignIn;
  #live: Promise<LiveSession> | undefined;
  #isOver = false;
  /** Messages from servers' own streams are handled one after the other. */
  readonly #serial = new Serial();
  readonly #intake: SessionIntake;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SessionStore(ctx.storage, env);
    this.#holder = new StreamHolder(ctx, this.#store);
    this.#signIn = new SessionSignIn(
      this.#store,
      (request) => this.callSelf(request),
      () => leavePool({ env }, 'sessions', ctx.id.toString()),
    );
    const push = (event: LoggedEvent) => this.#holder.order({ event });
    const requests = new SessionRequests();
    this.#log = new EventLog(ctx.storage.sql, this.#store, push, requests);
    this.#intake = new SessionIntake(this.#log, requests, () => this.#awake());
  }

  /** Serves a request to this deployment's own endpoints, without the network. */
  protected abstract callSelf(request: Request): Promise<Response>;

  /**
   * The access token of a session whose client has no credential (`sign-in.ts`). `token` is undefined until the person
   * has signed in. Undefined: there is no such session, or it belongs to a user.
   */
  async credential(requestOrigin: RequestOrigin): Promise<{ token: string | undefined } | undefined> {
    const state = this.#state();
    if (state?.user_id !== '') {
      await this.#refuse(undefined);
      return undefined;
    }
    return { token: await this.#signIn.token(requestOrigin) };
  }

  /**
   * Serves a POST, a DELETE, or a GET that resumes the stream of a request. An `initialize` without a session id starts
   * the session. 404 when there is no such session of that owner.
   */
  async handle(request: SessionRequest): Promise<Response> {
    const { requestOrigin, principal, rights, method, body } = request;
    const message = body === undefined ? undefined : (JSON.parse(body) as JSONRPCRequest);
    const begins = message?.method === 'initialize' && request.begins && !this.#state();
    if (begins) {
      this.#store.begin(request, message, Date.now());
      this.#store.setRights(rights);
      this.#live = this.#wake(false);
    }
    const state = this.#state();
    if (!isOf(state, request)) return this.#refuse(message?.id);
    this.#store.use(principal, requestOrigin, Date.now());
    await this.#untilIdle(requestOrigin);

    await this.#awake();
    const acting = { work: await this.#work(requestOrigin), principal };
    await this.#tellRights(rights);
    const response = await this.#intake.serve(request, message, acting);
    const ends = method === 'DELETE' ? response.ok : begins && !response.ok;
    if (ends) await this.#end(acting);
    return response;
  }

  /**
   * Opens the socket of the Worker that holds the client's own stream, and replaces the one before. The headers are set
   * by `serve.ts`. 404 when there is no such session of that owner.
   */
  override async fetch(request: Request): Promise<Response> {
    const lastEventId = request.headers.get('last-event-id');
    const rights = request.headers.get('gatehouse-rights');
    const state = this.#state();
    const [user = '', person = ''] = (request.headers.get('gatehouse-user') ?? '').split(' ');
    if (!state || state.user_id !== user || !isPersonOf(state, person)) return this.#refuse(undefined);
    const { 0: theirs, 1: ours } = new WebSocketPair();
    await this.#log.inOrder(async () => {
      const missed = lastEventId === null ? [] : await this.#log.missed(lastEventId);
      this.#holder.replaceBy(ours);
      for (const event of missed) this.#holder.order({ event }, ours);
    });
    // First everything that the old stream got is handled, so that the new one resumes after it.
    await this.#serial.run('heard', async () => undefined);
    await this.#holder.listenToAll(ours);
    if (rights !== null) await this.#tellRights(rights);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  /** Takes a report of the Worker that holds the client's own stream. */
  override webSocketMessage(socket: WebSocket, text: string | ArrayBuffer): Promise<void> {
    const news = JSON.parse(String(text)) as StreamNews;
    if ('listening' in news) return Promise.resolve(this.#holder.listened(news.listening));
    return this.#serial.run('heard', () => this.#hear(socket, news));
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  /** Ends the session when it wasn't used for `TOKENS.session`. An open stream or a pending call counts as use. */
  override async alarm(): Promise<void> {
    const state = this.#state();
    if (!state) return this.#end();
    const { settings } = await deploymentAt(this.env, state.requestOrigin);
    const idle = settings.tokens.session * 1000;
    const isUsed = this.#holder.isThere() || this.#hasCalls();
    const since = (await this.#isWaiting(state)) ? 0 : isUsed ? Date.now() : state.used_at;
    if (since + idle > Date.now()) return this.ctx.storage.setAlarm(since + idle);
    await this.#end();
  }

  /**
   * Ends the session, to make space for new ones, unless a person has signed in since it started without a
   * credential.
   */
  async discard(): Promise<void> {
    const state = this.#state();
    if (state?.user_id !== '' || (await this.#isWaiting(state))) await this.#end();
  }

  /** Whether the session started without a credential and still has none. Then it ends in time even if it is used. */
  async #isWaiting({ user_id }: SessionState): Promise<boolean> {
    return user_id === '' && !(await this.#signIn.isSignedIn());
  }

  async #hear(socket: WebSocket, news: Exclude<StreamNews, { listening: string }>): Promise<void> {
    const state = this.#state();
    if (!state) return;
    const live = await this.#awake();
    if ('heard' in news) {
      const { server, message, eventId, principal } = news.heard;
      // The stream that replaced this one gets the event from the server itself, which can send it again.
      if (eventId !== undefined && socket.readyState !== WebSocket.OPEN) return;
      const note = () => eventId !== undefined && this.#store.setHeard(server, eventId);
      // The position is stored in one transaction with the event, so that a crash neither loses nor repeats it.
      const by = { work: await this.#work(state.requestOrigin), principal };
      await this.#log.because(note, () => live.receive(server, message, by));
      await scheduler.wait(0);
      // Also when the message caused no event.
      await this.#log.inOrder(async () => note());
      return;
    }
    if ('lost' in news) {
      const { server, session } = news.lost;
      const greeting = await this.#store.greeting(server);
      if (greeting?.era !== 'legacy' || greeting.session !== session) return;
      this.#store.forgetGreeting(server);
    }
    await this.#holder.listenToAll();
    // The rights of the stream's principal changed: one notification is enough.
    if ('rights' in news) return this.#tellRights(news.rights);
    await this.#tellChanges();
  }

  /** Notifies the client when its rights differ from what it was shown. */
  async #tellRights(now: string): Promise<void> {
    const state = this.#state();
    if (!state) return;
    const { rights, isNews } = compareRights(state.rights, now);
    if (rights !== state.rights) this.#store.setRights(rights);
    if (isNews) await this.#tellChanges();
  }

  /** Notifies the client that all lists may have changed, in the name of the last principal. */
  async #tellChanges(): Promise<void> {
    const [live, state] = [await this.#awake(), this.#state()];
    if (!state) return;
    await live.tellChanges({ work: await this.#work(state.requestOrigin), principal: state.principal });
  }

  /** Whether a call is pending. Calls don't survive a restart of the object. */
  #hasCalls(): boolean {
    return this.#live !== undefined && this.#log.unanswered().length > 0;
  }

  #state(): SessionState | undefined {
    return this.#isOver ? undefined : this.#store.read();
  }

  /** The answer 404. A request for an ended session must not leave storage behind, so that is deleted again. */
  async #refuse(id: string | number | undefined): Promise<Response> {
    if (!this.#state()) await this.#end();
    return toJsonRpcError({ reason: 'session_not_found', id });
  }

  /** Starts a sign-in for the client, and polls for its result until it expires. `from`: the client's address. */
  async #authorize(requestOrigin: RequestOrigin, from: string | undefined): Promise<Asked> {
    const asks = !(await this.#signIn.isPending());
    const asked = await this.#signIn.ask({ ...requestOrigin, from }, this.#store.read()?.initialize);
    if (asks) this.ctx.waitUntil(this.#awaitSignIn(requestOrigin));
    return asked;
  }

  async #awaitSignIn(requestOrigin: RequestOrigin): Promise<void> {
    if (!(await this.#signIn.untilSignedIn(requestOrigin, () => this.#state() !== undefined))) return;
    await this.#tellChanges();
    // The client opens its own stream again, now as the person.
    await this.#log.inOrder(async () => undefined);
    this.#holder.letGo('signed in');
  }

  /** Sets the alarm for when the session will have been idle for too long, unless it is set. */
  async #untilIdle(requestOrigin: RequestOrigin): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) !== null) return;
    const { settings } = await deploymentAt(this.env, requestOrigin);
    await this.ctx.storage.setAlarm(Date.now() + settings.tokens.session * 1000);
  }

  #awake(): Promise<LiveSession> {
    this.#live ??= this.#wake(true);
    return this.#live;
  }

  async #wake(restored: boolean): Promise<LiveSession> {
    const state = this.#store.read();
    if (!state) throw new Error('a session that has ended was woken');
    const work = await this.#work(state.requestOrigin);
    const live = new LiveSession(this.#store, this.#log, work, {
      greeted: (server) => this.#holder.listen(server),
      subscribed: (server) => this.#holder.listenNow(server),
      missing: (servers) => this.#holder.order({ await: servers }),
      authorize: (at, from) => this.#authorize(at, from),
    });
    await live.start(restored ? state : undefined);
    return live;
  }

  async #work(requestOrigin: RequestOrigin): Promise<UpstreamContext> {
    const deployment = await deploymentAt(this.env, requestOrigin);
    return {
      var: { deployment, credentials: new RequestCredentials(deployment) },
      env: this.env,
      executionCtx: this.ctx,
    };
  }

  /**
   * Ends the session and its sessions at servers. `acting`: who ends it; undefined: the principal that used it last.
   */
  async #end(acting?: Acting): Promise<void> {
    const state = this.#state();
    const live = state && (await this.#awake().catch(() => undefined));
    this.#isOver = true;
    if (state && live) {
      const last = { work: await this.#work(state.requestOrigin), principal: state.principal };
      await live.end(acting ?? last).catch(() => undefined);
    }
    this.#holder.letGo('ended');
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }
}

/** Whether a request belongs to the session. */
function isOf(state: SessionState | undefined, { owner, principal }: SessionRequest): boolean {
  if (state?.user_id !== owner.user || state.client_id !== owner.client) return false;
  return isPersonOf(state, principal.user.id);
}

/** Whether a session that started without a credential is still anonymous, or is this user's. True for all others. */
function isPersonOf({ user_id, principal }: SessionState, user: string): boolean {
  return user_id !== '' || isAnonymous(principal) || principal.user.id === user;
}

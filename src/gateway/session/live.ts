import type { ClientCapabilities } from '@modelcontextprotocol/client';
import {
  type AuthInfo,
  type JSONRPCMessage,
  type RequestId,
  type Server,
  type ServerContext,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { ServerSetting } from '../../config';
import { type Place, siteOf, type Work } from '../../site';
import { catalogueOf, forgetLists } from '../catalogue';
import { type Behind, connectBehind, isSessionLost } from '../merged/behind';
import { lockOf, useUnlocked } from '../merged/connect-tool';
import { findResource } from '../merged/items';
import { namesFor } from '../merged/names';
import { type Called, gateServer, type Seen } from '../merged/server';
import { serversOf, type View } from '../merged/view';
import { isNobody, type Principal } from '../principal';
import { Courses } from './course';
import { handOn } from './hand-on';
import { LIST_CHANGES } from './listen';
import type { EventLog } from './log';
import { countRequestsFrom } from './request-ids';
import type { Asked } from './sign-in';
import type { SessionState, SessionStore } from './store';

/** The transport's name for the session: outside it has another, which only its client knows. */
export const INNER_ID = 'session';

/** What comes with a request of a session: who sends it, and the tool that it calls. */
export interface Carried {
  work: Work;
  principal: Principal;
  called: Called | undefined;
  /** The client's address, where it is known. */
  from: string | undefined;
}

/** What the object has to know of. */
export interface SessionEvents {
  /** A server was spoken to for the first time, or is to be listened to for more. */
  greeted(server: string): Promise<void>;
  /** The client watches other resources of a server; resolves when their changes are heard. */
  subscribed(server: string): Promise<void>;
  /** Servers told nothing when the client asked for its tools. */
  missing(servers: string[]): void;
  /** The client, which has no credential, asks for one. `from`: its address. */
  authorize(place: Place, from: string | undefined): Promise<Asked>;
}

/**
 * A session while its object is awake: the MCP server that its client speaks to, and the gate's own sessions on
 * the servers behind.
 */
export class LiveSession {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly #server: Server;
  readonly #behind = new Map<string, Promise<Behind>>();
  readonly #courses = new Courses();
  #work: Work;
  #principal: Principal;

  constructor(
    private readonly store: SessionStore,
    private readonly log: EventLog,
    state: SessionState,
    work: Work,
    private readonly on: SessionEvents,
  ) {
    this.#work = work;
    this.#principal = state.principal;
    this.transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => INNER_ID,
      eventStore: log,
    });
    this.#server = gateServer(siteOf(work), (ctx) => this.#seenBy(ctx));
    countRequestsFrom(this.#server, Date.now());
    this.#server.setRequestHandler('logging/setLevel', async ({ params }) => {
      store.setLogLevel(params.level);
      await this.#toGreeted(({ client }) => client.setLoggingLevel(params.level), 'logging');
      return {};
    });
    this.#server.setRequestHandler('resources/subscribe', ({ params: { uri } }, ctx) =>
      this.#subscribe(uri, ctx, true),
    );
    this.#server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }, ctx) =>
      this.#subscribe(uri, ctx, false),
    );
    this.#server.setNotificationHandler('notifications/roots/list_changed', () =>
      this.#toGreeted(({ client }) => client.sendRootsListChanged()),
    );
  }

  /** Begins to serve; `restored`: the client has said `initialize` before the object last went to sleep. */
  async start(restored: SessionState | undefined): Promise<void> {
    await this.#server.connect(this.transport);
    this.log.follow(this.transport);
    if (!restored) return;
    this.log.muted = true;
    await this.#say(restored.initialize);
    await this.#say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    this.log.muted = false;
    for (const { stream, id } of this.log.unanswered()) {
      const error = { code: -32603, message: 'The gate was restarted before the answer came. Ask again.' };
      await this.log.storeEvent(stream, { jsonrpc: '2.0', id, error });
    }
  }

  /** Serves a request of the client. */
  handle(request: Request, carried: Carried): Promise<Response> {
    const authInfo: AuthInfo = {
      token: '',
      clientId: carried.principal.client.id,
      scopes: carried.principal.scope,
      extra: { carried },
    };
    return this.transport.handleRequest(request, { authInfo });
  }

  /** Goes on for who the principal is now, in the name of another request: what an older one knew may be over. */
  actFor(work: Work, principal: Principal): void {
    this.#work = work;
    this.#principal = principal;
  }

  /** What a principal sees through this session. */
  view(work: Work, principal: Principal, requestId?: RequestId): View {
    return {
      work,
      principal,
      logLevel: this.store.read()?.log_level,
      urlElicitation: this.#capabilities().elicitation?.url !== undefined,
      elicited: (server, elicitationId) => this.store.elicited(server, elicitationId),
      use: (server, act) => this.#use(server, act, requestId),
    };
  }

  /** Takes a message that a server sent on its own stream. */
  async receive(server: string, message: JSONRPCMessage): Promise<void> {
    const setting = this.#setting(server);
    if (setting) (await this.#connect(setting)).receive(message);
  }

  /** Forgets a server that has forgotten this session: the next use greets it again. */
  forget(server: string): void {
    this.#behind.delete(server);
    this.store.forgetGreeting(server);
  }

  /** Tells the client that everything may have changed, and which of the links it was shown are done with. */
  async tellChanges(): Promise<void> {
    for (const { server, elicitationId } of this.store.elicitations()) {
      const setting = this.#setting(server);
      if (setting && (await lockOf(this.view(this.#work, this.#principal), setting))) continue;
      this.store.forgetElicitation(elicitationId);
      await this.#server.notification({
        method: 'notifications/elicitation/complete',
        params: { elicitationId },
      });
    }
    for (const method of LIST_CHANGES) await this.#server.notification({ method });
  }

  /** Ends the sessions on the servers behind. */
  async end(): Promise<void> {
    await this.#toGreeted((behind) => behind.end());
    await this.#server.close();
  }

  async #say(message: JSONRPCMessage): Promise<void> {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': INNER_ID,
    };
    const body = JSON.stringify(message);
    const request = new Request('https://session/mcp', { method: 'POST', headers, body });
    await (await this.transport.handleRequest(request)).text();
  }

  #seenBy(ctx: ServerContext): Seen {
    const carried = ctx.http?.authInfo?.extra?.carried as Carried | undefined;
    if (!carried) throw new Error('a request came without its principal');
    const { work, principal, called, from } = carried;
    const view = this.view(work, principal, ctx.mcpReq.id);
    const { origin, local, requestId } = siteOf(work);
    const place = { origin, local, requestId };
    const authorize = isNobody(principal) ? { authorize: () => this.on.authorize(place, from) } : {};
    return { view, called, onMissing: (servers) => this.on.missing(servers), ...authorize };
  }

  async #use<T>(
    server: ServerSetting,
    act: (behind: Behind) => Promise<T>,
    requestId: RequestId | undefined,
  ): Promise<T> {
    let used: Behind | undefined;
    const attempt = () =>
      this.#courses.run(server.name, requestId, async () => {
        used = await this.#connect(server);
        return act(used);
      });
    const known = this.#behind.has(server.name) || (await this.store.greeting(server.name)) !== undefined;
    try {
      return await attempt();
    } catch (error) {
      // A server that has forgotten the session has done nothing: it is greeted again, by the first who hears it.
      if (!known || !isSessionLost(error)) throw error;
      if ((await this.#behind.get(server.name)) === used) this.forget(server.name);
      return attempt();
    }
  }

  #connect(server: ServerSetting): Promise<Behind> {
    const connected = this.#behind.get(server.name);
    if (connected) return connected;
    const made = this.#greet(server);
    this.#behind.set(server.name, made);
    const isOver = () => {
      if (this.#behind.get(server.name) === made) this.#behind.delete(server.name);
    };
    made.then(({ client }) => {
      client.onclose = isOver;
    }, isOver);
    return made;
  }

  async #greet(server: ServerSetting): Promise<Behind> {
    const greeting = await this.store.greeting(server.name);
    const behind = await connectBehind(server, {
      acting: () => ({ work: this.#work, principal: this.#principal }),
      capabilities: this.#capabilities(),
      prepare: (client) => {
        countRequestsFrom(client, Date.now());
        handOn(client, this.#server, {
          uriOf: (uri) =>
            this.store.watchedAs(server.name, uri) ?? namesFor(this.#principal).uri(server.name, uri),
          capabilities: this.#capabilities(),
          related: () => this.#courses.relatedTo(server.name),
          changed: () => forgetLists(catalogueOf(this.#work.env), server.name, this.#principal.user.id),
        });
      },
      greeting,
    });
    if (greeting) return behind;
    await this.store.setGreeting(server.name, behind.greeting);
    const { log_level } = this.store.read() ?? {};
    const { client } = behind;
    if (behind.greeting.era === 'legacy') {
      const again = this.store.subscriptions(server.name).map((uri) => client.subscribeResource({ uri }));
      if (log_level && client.getServerCapabilities()?.logging) again.push(client.setLoggingLevel(log_level));
      // What isn't there any more, or not for this account, is no reason to fail the call that greets it.
      await Promise.allSettled(again);
    }
    await this.on.greeted(server.name);
    return behind;
  }

  #capabilities(): ClientCapabilities {
    const { elicitation, sampling, roots } = (this.store.read()?.initialize.params?.capabilities ??
      {}) as ClientCapabilities;
    return {
      ...(elicitation && { elicitation }),
      ...(sampling && { sampling }),
      ...(roots && { roots }),
    };
  }

  async #subscribe(merged: string, ctx: ServerContext, wanted: boolean): Promise<object> {
    const { view } = this.#seenBy(ctx);
    const { server, uri } = await findResource(view, merged);
    // Even if the server can't be told: when it is greeted again, it isn't asked for this.
    if (!wanted) this.store.unsubscribe(server.name, uri);
    await useUnlocked(view, server, async ({ client, greeting }) => {
      if (greeting.era === 'modern') return;
      await (wanted ? client.subscribeResource({ uri }) : client.unsubscribeResource({ uri }));
    });
    if (wanted) this.store.subscribe(server.name, uri, merged);
    await this.on.subscribed(server.name);
    return {};
  }

  /** Does something at each 2025-era server that this session has spoken to; one that fails is left out. */
  async #toGreeted(act: (behind: Behind) => Promise<unknown>, capability?: 'logging'): Promise<void> {
    const settings = this.store.greeted().map((name) => this.#setting(name));
    const done = settings.map(async (setting) => {
      const behind = setting && (await this.#connect(setting));
      const fits = !capability || behind?.client.getServerCapabilities()?.[capability];
      if (behind?.greeting.era === 'legacy' && fits) await act(behind);
    });
    await Promise.allSettled(done);
  }

  /** A server that the session's user may still use. */
  #setting(server: string): ServerSetting | undefined {
    return serversOf({ work: this.#work, principal: this.#principal }).find(({ name }) => name === server);
  }
}

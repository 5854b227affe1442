import {
  type AuthInfo,
  type JSONRPCMessage,
  type RequestId,
  type Server,
  type ServerContext,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { deploymentOf, type RequestContext, type RequestOrigin, type ServerSetting } from '../../config';
import { type Acting, isAnonymous, lockOf, serversOf, type View } from '../../upstream';
import { useUnlocked } from '../aggregate/connect-tool';
import { findResource } from '../aggregate/items';
import { type Called, gateServer, type Seen } from '../aggregate/server';
import { audienceOf, isFor } from './audience';
import { LIST_CHANGES } from './listen';
import type { EventLog } from './log';
import { countRequestsFrom } from './request-ids';
import { SessionServers } from './servers';
import type { Asked } from './sign-in';
import type { SessionState, SessionStore } from './store';

/** The transport's name for the session: outside it has another, which only its client knows. */
export const INNER_ID = 'session';

/** What was found out about a request of a session, which travels with it: who sends it, and what it calls. */
export interface Carried extends Acting {
  called: Called | undefined;
  /** The client's address, where it is known. */
  from: string | undefined;
  /** The message, as the client wrote it. */
  text: string;
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
  authorize(place: RequestOrigin, from: string | undefined): Promise<Asked>;
}

/**
 * A session while its object is awake: the MCP server that its client speaks to. It keeps nothing of who uses it:
 * each request brings that along.
 */
export class LiveSession {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly #server: Server;
  readonly #servers: SessionServers;

  constructor(
    private readonly store: SessionStore,
    private readonly log: EventLog,
    work: RequestContext,
    private readonly on: SessionEvents,
  ) {
    this.transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => INNER_ID,
      eventStore: log,
    });
    this.#server = gateServer(deploymentOf(work), log.results, (ctx) => this.#seenBy(ctx));
    this.#servers = new SessionServers(store, log, this.#server, (server) => on.greeted(server));
    countRequestsFrom(this.#server, Date.now());
    this.#server.setRequestHandler('logging/setLevel', async ({ params }, ctx) => {
      store.setLogLevel(params.level);
      const act: Parameters<SessionServers['toGreeted']>[1] = (upstream) =>
        upstream.request('logging/setLevel', { level: params.level });
      await this.#servers.toGreeted({ ...carriedBy(ctx), requestId: ctx.mcpReq.id }, act, 'logging');
      return {};
    });
    this.#server.setRequestHandler('resources/subscribe', ({ params: { uri } }, ctx) =>
      this.#subscribe(uri, ctx, true),
    );
    this.#server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }, ctx) =>
      this.#subscribe(uri, ctx, false),
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
    await this.log.answerLost('The gate was restarted before the answer came. Ask again.');
  }

  /** Serves a request of the client. `message`: its body, if it has one. */
  async handle(request: Request, message: unknown, carried: Carried): Promise<Response> {
    const { client, scope } = carried.principal;
    const authInfo: AuthInfo = { token: '', clientId: client.id, scopes: scope, extra: { carried } };
    const response = await this.transport.handleRequest(request, { authInfo, parsedBody: message });
    // The SDK tells those who handle a notification nothing of its request.
    if (response.ok && isRootsChange(message)) {
      await this.#servers.toGreeted(carried, (to) => to.notify('notifications/roots/list_changed'));
    }
    return this.log.results.restore(response);
  }

  /** What a principal sees through this session. */
  view({ work, principal }: Acting, requestId?: RequestId): View {
    return {
      work,
      principal,
      logLevel: this.store.read()?.log_level,
      urlElicitation: this.#servers.capabilities().elicitation?.url !== undefined,
      elicited: (server, elicitationId) => this.store.elicited(server, elicitationId),
      use: (server, act) => this.#servers.use(server, { work, principal, requestId }, act),
    };
  }

  /** Takes a message that a server sent on its own stream, which is open in the name of `by`. */
  async receive(server: string, message: JSONRPCMessage, by: Acting): Promise<void> {
    const setting = serversOf(by).find(({ name }) => name === server);
    if (setting) await this.#servers.receive(setting, message, by);
  }

  /**
   * Tells the client that everything may have changed, and which of the links it was shown are done with. `acting`:
   * whoever used the session last: a person's connections are the same for all their tokens.
   */
  async tellChanges(acting: Acting): Promise<void> {
    const { settings } = deploymentOf(acting.work);
    for (const { server, elicitationId } of this.store.elicitations()) {
      const setting = settings.servers.find(({ name }) => name === server);
      if (setting && (await lockOf(this.view(acting), setting))) continue;
      this.store.forgetElicitation(elicitationId);
      await this.#server.notification({
        method: 'notifications/elicitation/complete',
        params: { elicitationId },
      });
    }
    for (const method of LIST_CHANGES) await this.#server.notification({ method });
  }

  /** Ends the sessions on the servers behind, in the name of who ends this one or used it last. */
  async end(acting: Acting): Promise<void> {
    await this.#servers.end(acting);
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
    const { called, from, text, ...acting } = carriedBy(ctx);
    const view = this.view(acting, ctx.mcpReq.id);
    const { origin, local, requestId } = deploymentOf(acting.work);
    const place = { origin, local, requestId };
    const authorize = isAnonymous(acting.principal)
      ? { authorize: () => this.on.authorize(place, from) }
      : {};
    const { method, signal } = ctx.mcpReq;
    const request = { text, era: 'legacy', method, signal, onMessage: undefined } as const;
    return { view, request, called, onMissing: (servers) => this.on.missing(servers), ...authorize };
  }

  async #subscribe(merged: string, ctx: ServerContext, wanted: boolean): Promise<object> {
    const { view } = this.#seenBy(ctx);
    const { server, uri } = await findResource(view, merged);
    // Even if the server can't be told: when it is greeted again, it isn't asked for this.
    if (!wanted) this.store.unsubscribe(server.name, uri);
    await useUnlocked(view, server, async (upstream) => {
      if (upstream.handshake.era === 'modern') return;
      await upstream.request(wanted ? 'resources/subscribe' : 'resources/unsubscribe', { uri });
    });
    if (wanted) this.#watch(view, server, uri, merged);
    await this.on.subscribed(server.name);
    return {};
  }

  /** Of two tokens that watch the same, the one that may do less has to hear of it too. */
  #watch({ work, principal }: View, server: ServerSetting, uri: string, merged: string): void {
    const known = this.store.watched(server.name, uri)?.audience;
    const own = audienceOf(work, principal, server);
    this.store.subscribe(server.name, uri, merged, known && isFor(work, principal, known) ? known : own);
  }
}

function carriedBy(ctx: ServerContext): Carried {
  const carried = ctx.http?.authInfo?.extra?.carried as Carried | undefined;
  if (!carried) throw new Error('a request came without its principal');
  return carried;
}

function isRootsChange(message: unknown): boolean {
  return (message as { method?: unknown } | undefined)?.method === 'notifications/roots/list_changed';
}

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

/** The session id that the transport sees. Clients have another one, which is sealed. */
export const INNER_ID = 'session';

/** What is known about a request of a session, and travels with it: who sends it, and which tool it calls. */
export interface Carried extends Acting {
  /** The tool that it calls, found and checked; undefined for every other request. */
  called: Called | undefined;
  /** The client's address, where it is known. */
  from: string | undefined;
  /** The message, as the client wrote it. */
  text: string;
}

/** Events of a live session that its object acts on. */
export interface SessionEvents {
  /** The session did its handshake with a server, and so the server can be listened to. */
  greeted(server: string): Promise<void>;
  /** The client's subscriptions at a server changed; resolves when the server is listened to with them. */
  subscribed(server: string): Promise<void>;
  /** These servers didn't list their tools when the client requested the list. */
  missing(servers: string[]): void;
  /** The client, which has no credential, requests one. `from`: its address, if it is known. */
  authorize(requestOrigin: RequestOrigin, from: string | undefined): Promise<Asked>;
}

/**
 * A session while its object is awake: the MCP server that its client is connected to. It stores nothing about the
 * principals that use it, because each request carries its own.
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

  /**
   * Starts to serve. `restored`: the stored state of a session whose client sent `initialize` before the object last
   * stopped. Its pending requests get an error.
   */
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

  /** Serves a request of the client. `message`: its parsed body; undefined when it has none. */
  async handle(request: Request, message: unknown, carried: Carried): Promise<Response> {
    const { client, scope } = carried.principal;
    const authInfo: AuthInfo = { token: '', clientId: client.id, scopes: scope, extra: { carried } };
    const response = await this.transport.handleRequest(request, { authInfo, parsedBody: message });
    // The SDK doesn't give notification handlers the request, and so not the principal.
    if (response.ok && isRootsChange(message)) {
      await this.#servers.toGreeted(carried, (to) => to.notify('notifications/roots/list_changed'));
    }
    return this.log.results.restore(response);
  }

  /** The view of a principal in this session. `requestId`: the request that it is for, if there is one. */
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

  /**
   * Takes a message from a server's own stream. `by`: who opened that stream. Ignored if they may not use the server.
   */
  async receive(server: string, message: JSONRPCMessage, by: Acting): Promise<void> {
    const setting = serversOf(by).find(({ name }) => name === server);
    if (setting) await this.#servers.receive(setting, message, by);
  }

  /**
   * Notifies the client that all lists may have changed, and which link elicitations are complete (MCP, "URL mode
   * elicitation"). `acting`: who used the session last, because a person's connections are the same for all tokens.
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

  /** Ends the sessions at the upstream servers. `acting`: who ends this session, or who used it last. */
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
    const requestOrigin = { origin, local, requestId };
    const authorize = isAnonymous(acting.principal)
      ? { authorize: () => this.on.authorize(requestOrigin, from) }
      : {};
    const { method, signal } = ctx.mcpReq;
    const request = { text, era: 'legacy', method, signal, onMessage: undefined } as const;
    return { view, request, called, onMissing: (servers) => this.on.missing(servers), ...authorize };
  }

  async #subscribe(merged: string, ctx: ServerContext, wanted: boolean): Promise<object> {
    const { view } = this.#seenBy(ctx);
    const { server, uri } = await findResource(view, merged);
    // Also when the server doesn't answer: the next handshake no longer subscribes to it.
    if (!wanted) this.store.unsubscribe(server.name, uri);
    await useUnlocked(view, server, async (upstream) => {
      if (upstream.handshake.era === 'modern') return;
      await upstream.request(wanted ? 'resources/subscribe' : 'resources/unsubscribe', { uri });
    });
    if (wanted) this.#watch(view, server, uri, merged);
    await this.on.subscribed(server.name);
    return {};
  }

  /** When two tokens watch the same resource, the audience is that of the token with fewer rights. */
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

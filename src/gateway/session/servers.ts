import type { ClientCapabilities, JSONRPCMessage } from '@modelcontextprotocol/client';
import type { RequestId, Server } from '@modelcontextprotocol/server';
import type { ServerSetting } from '../../config';
import {
  type Acting,
  catalogueOf,
  connectUpstream,
  forgetLists,
  type Handshake,
  SessionLost,
  serversOf,
  type UpstreamConnection,
} from '../../upstream';
import { namesFor } from '../aggregate/names';
import { audienceOf, audienceOfServer, isFor } from './audience';
import { forwarders } from './forward-server-requests';
import type { EventLog } from './log';
import { REQUESTS_EACH } from './request-ids';
import type { SessionStore } from './store';

/** Why something is done at a server: for which principal, and for which request of the client, if for one. */
export interface Cause extends Acting {
  /** The internal id. */
  requestId?: RequestId | undefined;
}

/** A connection to a server for one cause. The session at the server is shared, but the principal isn't. */
interface Use {
  cause: Cause;
  upstream: UpstreamConnection;
  /** The slot of its request ids: see {@link countRequestsFrom}. */
  slot: number;
}

/**
 * A session's own sessions at upstream servers. Each request of the client has its own connection to a server, within
 * the one session there. So what is sent for a request is sent as its principal, and what the server answers comes
 * back to it, even while requests with other tokens are pending.
 */
export class SessionServers {
  readonly #greetings = new Map<string, Promise<Handshake | undefined>>();
  readonly #underWay = new Map<string, Set<Use>>();
  readonly #aside = new Map<string, { by: string; use: Promise<Use> }>();
  #slot = 0;

  /**
   * @param to the MCP server that the client is connected to
   * @param greeted called after the handshake with a server
   */
  constructor(
    private readonly store: SessionStore,
    private readonly log: EventLog,
    private readonly to: Server,
    private readonly greeted: (server: string) => Promise<void>,
  ) {}

  /**
   * Does something at a server. When the server has forgotten the session, the handshake and `act` are repeated once.
   *
   * @throws what {@link connectUpstream} and `act` throw
   */
  async use<T>(
    server: ServerSetting,
    cause: Cause,
    act: (upstream: UpstreamConnection) => Promise<T>,
  ): Promise<T> {
    let used: Handshake | undefined;
    const attempt = async () => {
      const use = await this.#connect(server, cause);
      used = use.upstream.handshake;
      return this.#during(server.name, use, () => act(use.upstream));
    };
    const known = this.#greetings.has(server.name) || (await this.store.greeting(server.name)) !== undefined;
    try {
      return await attempt();
    } catch (error) {
      // A server that has forgotten the session has executed nothing. The first request that notices starts a new one.
      if (!known || !used || !(error instanceof SessionLost)) throw error;
      if (isSame(await this.store.greeting(server.name), used)) this.store.forgetGreeting(server.name);
      return attempt();
    }
  }

  /**
   * Does something at each 2025-era server with which the session did a handshake. Failures are ignored.
   *
   * @param capability only servers that announced it
   */
  async toGreeted(
    cause: Cause,
    act: (upstream: UpstreamConnection) => Promise<unknown>,
    capability?: 'logging',
  ): Promise<void> {
    const greeted = this.store.greeted();
    const servers = serversOf(cause).filter(({ name }) => greeted.includes(name));
    const done = servers.map(async (server) => {
      const { upstream } = await this.#connect(server, cause);
      const fits = !capability || upstream.capabilities[capability] !== undefined;
      if (upstream.handshake.era === 'legacy' && fits) await act(upstream);
    });
    await Promise.allSettled(done);
  }

  /** Passes on a message from a server's own stream. `by`: who opened that stream. */
  async receive(server: ServerSetting, sent: JSONRPCMessage, by: Acting): Promise<void> {
    const message = { text: JSON.stringify(sent), value: { ...sent }, eventId: undefined };
    const uses = [...(this.#underWay.get(server.name) ?? [])];
    const named = uses.find((use) => use.upstream.expects(message.value) || use.slot === slotOf(sent));
    if (named) return named.upstream.receive(message);
    if ('method' in sent && sent.method === 'notifications/cancelled') {
      for (const use of uses) use.upstream.receive(message);
      (await this.#aside.get(server.name)?.use)?.upstream.receive(message);
      return;
    }
    // The message doesn't say which request it belongs to. It is passed to the latest request, if that one may see
    // whatever any pending request may see.
    const all = [by, ...uses.map(({ cause }) => cause)];
    const latest = uses.findLast(
      ({ cause }) => cause.requestId !== undefined && all.every((one) => mayStandFor(cause, one)),
    );
    const use = latest ?? (await this.#besides(server, by));
    use?.upstream.receive(message);
  }

  /** Ends the sessions at the servers, and closes the connections of pending requests. */
  async end(cause: Cause): Promise<void> {
    await this.toGreeted(cause, (upstream) => upstream.end());
    const all = [...this.#underWay.values()].flatMap((uses) => [...uses]);
    for (const { upstream } of all) upstream.close();
  }

  /** The capabilities of the session's client that upstream servers can use. */
  capabilities(): ClientCapabilities {
    const { elicitation, sampling, roots } = (this.store.read()?.initialize.params?.capabilities ??
      {}) as ClientCapabilities;
    return {
      ...(elicitation && { elicitation }),
      ...(sampling && { sampling }),
      ...(roots && { roots }),
    };
  }

  async #during<T>(server: string, use: Use, act: () => Promise<T>): Promise<T> {
    const uses = this.#underWay.get(server) ?? new Set<Use>();
    this.#underWay.set(server, uses.add(use));
    try {
      return await act();
    } finally {
      uses.delete(use);
    }
  }

  /** A connection for a cause. The first caller does the handshake with the server, and the others wait for it. */
  async #connect(server: ServerSetting, cause: Cause): Promise<Use> {
    const { name } = server;
    const greeting = (await this.#greetings.get(name)) ?? (await this.store.greeting(name));
    if (greeting) return this.#open(server, cause, greeting);
    // That handshake failed for another principal.
    if (this.#greetings.has(name)) return this.#connect(server, cause);
    const made = this.#greet(server, cause);
    const making = made.then(({ upstream }) => upstream.handshake).catch(() => undefined);
    this.#greetings.set(name, making);
    try {
      return await made;
    } finally {
      this.#greetings.delete(name);
    }
  }

  async #greet(server: ServerSetting, cause: Cause): Promise<Use> {
    const use = await this.#open(server, cause, undefined);
    const { upstream } = use;
    const { handshake } = upstream;
    await this.store.setGreeting(server.name, handshake);
    const { log_level } = this.store.read() ?? {};
    if (handshake.era === 'legacy') {
      const again = this.store
        .subscriptions(server.name)
        .filter(({ audience }) => !audience || isFor(cause.work, cause.principal, audience))
        .map(({ uri }): Promise<unknown> => upstream.request('resources/subscribe', { uri }));
      if (log_level && upstream.capabilities.logging)
        again.push(upstream.request('logging/setLevel', { level: log_level }));
      // A resource may be gone, or not exist for this account. The call must not fail because of that.
      await Promise.allSettled(again);
    }
    await this.greeted(server.name);
    return use;
  }

  /** A connection for messages of a server's own stream that belong to no request. Undefined before a handshake. */
  async #besides(server: ServerSetting, by: Acting): Promise<Use | undefined> {
    const greeting = await this.store.greeting(server.name);
    if (!greeting) return undefined;
    const key = JSON.stringify([by.principal, greeting]);
    const known = this.#aside.get(server.name);
    if (known?.by === key) return known.use;
    const use = this.#open(server, by, greeting);
    this.#aside.set(server.name, { by: key, use });
    return use;
  }

  async #open(server: ServerSetting, cause: Cause, greeting: Handshake | undefined): Promise<Use> {
    const { work, principal, requestId } = cause;
    const slot = Math.max(this.#slot + 1, Date.now());
    this.#slot = slot;
    const own = audienceOf(work, principal);
    const upstream = await connectUpstream(server, {
      acting: () => cause,
      capabilities: this.capabilities(),
      prefers: 'legacy',
      firstId: slot * REQUESTS_EACH,
      handshake: greeting,
      ...forwarders(this.to, {
        uriOf: (uri) => this.store.watched(server.name, uri)?.as ?? namesFor(principal).uri(server.name, uri),
        capabilities: this.capabilities(),
        related: () =>
          requestId === undefined ? this.#ownStream(server, cause) : { relatedRequestId: requestId },
        changed: () => forgetLists(catalogueOf(work.env), server.name, principal.user.id),
        says: (send) => this.log.concerning(own, send),
        saysOfLists: (send) => this.log.concerning(audienceOfServer(server, principal), send),
        saysOf: (uri, send) =>
          this.log.concerning(this.store.watched(server.name, uri)?.audience ?? own, send),
      }),
    });
    return { cause, upstream, slot };
  }

  /**
   * The client's own stream, for a message that belongs to no request.
   *
   * @throws when it could belong to a pending request of a token with more rights
   */
  #ownStream(server: ServerSetting, by: Acting): { relatedRequestId?: RequestId } {
    const uses = [...(this.#underWay.get(server.name) ?? [])];
    if (uses.every(({ cause }) => mayStandFor(by, cause))) return {};
    throw new Error('It is not known which request this belongs to');
  }
}

/** Whether the first may see everything that the other may see. */
function mayStandFor({ work, principal }: Acting, other: Acting): boolean {
  return isFor(work, principal, audienceOf(other.work, other.principal));
}

function isSame(one: Handshake | undefined, other: Handshake): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The slot of the connection whose request a message answers; undefined when the message isn't an answer. */
function slotOf(message: JSONRPCMessage): number | undefined {
  const { id, method } = message as { id?: unknown; method?: string };
  return method === undefined ? Math.floor(Number(id) / REQUESTS_EACH) : undefined;
}

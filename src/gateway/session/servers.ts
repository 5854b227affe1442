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

/** Why something is done at a server: in whose name, and in the course of which request of the client, if of one. */
export interface Cause extends Acting {
  requestId?: RequestId | undefined;
}

/** A connection to a server, made for one cause: the session there is shared, who acts in it is not. */
interface Use {
  cause: Cause;
  upstream: UpstreamConnection;
  /** Which ids its requests have: see {@link countRequestsFrom}. */
  slot: number;
}

/**
 * The gate's own sessions on the servers behind a session. Each request of the client has its own connection to a
 * server, in the session that all of them share there: what is sent for it goes out in its name, and what the server
 * says to it comes back to it, however many are under way with other tokens.
 */
export class SessionServers {
  readonly #greetings = new Map<string, Promise<Handshake | undefined>>();
  readonly #underWay = new Map<string, Set<Use>>();
  readonly #aside = new Map<string, { by: string; use: Promise<Use> }>();
  #slot = 0;

  /** `to`: the server that the client speaks to. `greeted`: a server was spoken to for the first time. */
  constructor(
    private readonly store: SessionStore,
    private readonly log: EventLog,
    private readonly to: Server,
    private readonly greeted: (server: string) => Promise<void>,
  ) {}

  /** Does something at a server. Rejects when the server can't be reached. */
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
      // A server that has forgotten the session has done nothing: it is greeted again, by the first who hears it.
      if (!known || !used || !(error instanceof SessionLost)) throw error;
      if (isSame(await this.store.greeting(server.name), used)) this.store.forgetGreeting(server.name);
      return attempt();
    }
  }

  /** Does something at each 2025-era server that the session has spoken to; one that fails is left out. */
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

  /** Takes a message that a server sent on its own stream, which was opened in the name of `by`. */
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
    // It doesn't say which request it belongs to: it is taken for the latest's, if that may know of all that it
    // could be of.
    const all = [by, ...uses.map(({ cause }) => cause)];
    const latest = uses.findLast(
      ({ cause }) => cause.requestId !== undefined && all.every((one) => mayStandFor(cause, one)),
    );
    const use = latest ?? (await this.#besides(server, by));
    use?.upstream.receive(message);
  }

  /** Ends the sessions at the servers, and what is under way there. */
  async end(cause: Cause): Promise<void> {
    await this.toGreeted(cause, (upstream) => upstream.end());
    const all = [...this.#underWay.values()].flatMap((uses) => [...uses]);
    for (const { upstream } of all) upstream.close();
  }

  /** What the session's client can do for a server that asks. */
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

  /** A connection for a cause; who comes first greets the server, and the others wait. */
  async #connect(server: ServerSetting, cause: Cause): Promise<Use> {
    const { name } = server;
    const greeting = (await this.#greetings.get(name)) ?? (await this.store.greeting(name));
    if (greeting) return this.#open(server, cause, greeting);
    // One that failed, failed in another's name.
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
      // What isn't there any more, or not for this account, is no reason to fail the call that greets it.
      await Promise.allSettled(again);
    }
    await this.greeted(server.name);
    return use;
  }

  /** A connection for what a server says on its own stream while nobody's request can be meant. */
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

  /** The client's own stream, for what is no request's. Throws when it may be that of a token that may do more. */
  #ownStream(server: ServerSetting, by: Acting): { relatedRequestId?: RequestId } {
    const uses = [...(this.#underWay.get(server.name) ?? [])];
    if (uses.every(({ cause }) => mayStandFor(by, cause))) return {};
    throw new Error('It is not known which request this belongs to');
  }
}

/** Whether whatever is for one is for the other. */
function mayStandFor({ work, principal }: Acting, other: Acting): boolean {
  return isFor(work, principal, audienceOf(other.work, other.principal));
}

function isSame(one: Handshake | undefined, other: Handshake): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The connection whose request a message of a server answers. */
function slotOf(message: JSONRPCMessage): number | undefined {
  const { id, method } = message as { id?: unknown; method?: string };
  return method === undefined ? Math.floor(Number(id) / REQUESTS_EACH) : undefined;
}

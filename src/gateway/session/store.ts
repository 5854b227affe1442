import type { LoggingLevel } from '@modelcontextprotocol/client';
import type { JSONRPCRequest } from '@modelcontextprotocol/server';
import { deploymentAt, type RequestOrigin } from '../../config';
import { seal, unseal } from '../../crypto';
import { migrate } from '../../migrations';
import type { Handshake, Principal } from '../../upstream';
import { type Audience, readAudience } from './audience';
import type { Sealer } from './log';
import type { SessionRequest, WatchedStream } from './messages';
import { SESSION_SCHEMA } from './schema';

/** How a session started, and who used it last. */
export interface SessionState {
  /** The owner's; '' while the client has no credential of its own, like `client_id`. */
  user_id: string;
  client_id: string;
  /** The client's request that started the session. */
  initialize: JSONRPCRequest;
  /** Who used it last, and from which origin. */
  principal: Principal;
  requestOrigin: RequestOrigin;
  log_level: LoggingLevel | undefined;
  /** The rights that each token was shown (`rights.ts`). */
  rights: string | undefined;
  /** In ms since the epoch. */
  used_at: number;
}

type Row = { [K in Exclude<keyof SessionState, 'used_at' | 'requestOrigin'>]: string | null } & {
  place: string | null;
  used_at: number;
};

/** What a session's object stores (`schema.ts`). Values with an audience or a secret are sealed. */
export class SessionStore implements Sealer {
  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly env: Env,
  ) {
    migrate(storage, SESSION_SCHEMA);
  }

  get sql(): SqlStorage {
    return this.storage.sql;
  }

  /** The session; undefined when there is none, or it has ended. */
  read(): SessionState | undefined {
    const [row] = this.sql.exec<Row>('SELECT * FROM session').toArray();
    if (!row) return undefined;
    return {
      user_id: String(row.user_id),
      client_id: String(row.client_id),
      initialize: JSON.parse(String(row.initialize)) as JSONRPCRequest,
      principal: JSON.parse(String(row.principal)) as Principal,
      requestOrigin: JSON.parse(String(row.place)) as RequestOrigin,
      log_level: (row.log_level ?? undefined) as LoggingLevel | undefined,
      rights: row.rights ?? undefined,
      used_at: row.used_at,
    };
  }

  /** Stores a new session. `now`: ms since the epoch. */
  begin({ principal, owner, requestOrigin }: SessionRequest, initialize: JSONRPCRequest, now: number): void {
    this.sql.exec(
      `INSERT INTO session (id, user_id, client_id, initialize, principal, place, used_at)
       VALUES (1, ?, ?, ?, ?, ?, ?)`,
      owner.user,
      owner.client,
      JSON.stringify(initialize),
      JSON.stringify(principal),
      JSON.stringify(requestOrigin),
      now,
    );
  }

  /** Notes who uses the session, and from which origin. `now`: ms since the epoch. */
  use(principal: Principal, requestOrigin: RequestOrigin, now: number): void {
    const [who, where] = [JSON.stringify(principal), JSON.stringify(requestOrigin)];
    this.sql.exec('UPDATE session SET principal = ?, place = ?, used_at = ?', who, where, now);
  }

  setLogLevel(level: LoggingLevel): void {
    this.sql.exec('UPDATE session SET log_level = ?', level);
  }

  setRights(rights: string): void {
    this.sql.exec('UPDATE session SET rights = ?', rights);
  }

  /** The result of this session's handshake with a server; undefined when there was none. */
  async greeting(server: string): Promise<Handshake | undefined> {
    const query = 'SELECT greeting FROM greetings WHERE server = ?';
    const [row] = this.sql.exec<{ greeting: string }>(query, server).toArray();
    return row && (await this.unseal<Handshake>(row.greeting));
  }

  /** The names of the servers with which this session did a handshake. */
  greeted(): string[] {
    return this.sql
      .exec<{ server: string }>('SELECT server FROM greetings ORDER BY server')
      .toArray()
      .map(({ server }) => server);
  }

  async setGreeting(server: string, greeting: Handshake): Promise<void> {
    const sealed = await this.seal(greeting);
    this.sql.exec('INSERT OR REPLACE INTO greetings VALUES (?, ?)', server, sealed);
  }

  /** Forgets the session at a server, and the position in its stream. */
  forgetGreeting(server: string): void {
    this.sql.exec('DELETE FROM greetings WHERE server = ?', server);
    this.sql.exec('DELETE FROM heard WHERE server = ?', server);
  }

  /** The resources that the client watches at a server, by the server's own URIs, with the audience of each. */
  subscriptions(server: string): WatchedStream[] {
    const query = 'SELECT uri, audience FROM subscriptions WHERE server = ? ORDER BY uri';
    return this.sql
      .exec<{ uri: string; audience: string | null }>(query, server)
      .toArray()
      .map(({ uri, audience }) => ({ uri, audience: readAudience(audience) }));
  }

  /** Stores a subscription. `as`: the URI that the client used. `audience`: who may see the updates. */
  subscribe(server: string, uri: string, as: string, audience: Audience): void {
    const query = 'INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?)';
    this.sql.exec(query, server, uri, as, JSON.stringify(audience));
  }

  /** The subscription to a server's resource, with the client's URI of it (`as`); undefined when there is none. */
  watched(
    server: string,
    uri: string,
  ): { as: string | undefined; audience: Audience | undefined } | undefined {
    const query = 'SELECT watched_as, audience FROM subscriptions WHERE server = ? AND uri = ?';
    const [row] = this.sql
      .exec<{ watched_as: string | null; audience: string | null }>(query, server, uri)
      .toArray();
    return row && { as: row.watched_as ?? undefined, audience: readAudience(row.audience) };
  }

  unsubscribe(server: string, uri: string): void {
    this.sql.exec('DELETE FROM subscriptions WHERE server = ? AND uri = ?', server, uri);
  }

  /** The state of the sign-in of a session without a credential (`sign-in.ts`). */
  async signIn<T>(): Promise<T | undefined> {
    const [row] = this.sql.exec<{ sealed: string }>('SELECT sealed FROM sign_in').toArray();
    return row && (await this.unseal<T>(row.sealed));
  }

  async setSignIn(value: object): Promise<void> {
    const sealed = await this.seal(value);
    this.sql.exec('INSERT OR REPLACE INTO sign_in VALUES (1, ?)', sealed);
  }

  /** Notes that the client was asked to open a link, to connect a server (MCP, "URL mode elicitation"). */
  elicited(server: string, elicitationId: string): void {
    this.sql.exec('INSERT INTO elicitations VALUES (?, ?)', elicitationId, server);
  }

  /** The links that the client was asked to open, and that aren't reported as complete yet. */
  elicitations(): { server: string; elicitationId: string }[] {
    return this.sql
      .exec<{ server: string; elicitationId: string }>('SELECT server, id AS elicitationId FROM elicitations')
      .toArray();
  }

  forgetElicitation(elicitationId: string): void {
    this.sql.exec('DELETE FROM elicitations WHERE id = ?', elicitationId);
  }

  /** The id of the last event from a server's own stream; undefined: none. */
  heard(server: string): string | undefined {
    const query = 'SELECT event_id FROM heard WHERE server = ?';
    return this.sql.exec<{ event_id: string }>(query, server).toArray()[0]?.event_id;
  }

  setHeard(server: string, eventId: string): void {
    this.sql.exec('INSERT OR REPLACE INTO heard VALUES (?, ?)', server, eventId);
  }

  async seal(value: unknown): Promise<string> {
    const { keyring } = await this.#deployment();
    return seal(keyring, 'mcp-session-data', value);
  }

  async unseal<T>(sealed: string): Promise<T | undefined> {
    const { keyring } = await this.#deployment();
    const opened = await unseal<T>(keyring, 'mcp-session-data', sealed);
    return opened.ok ? opened.value : undefined;
  }

  #deployment() {
    const requestOrigin = this.read()?.requestOrigin ?? {
      origin: 'https://localhost',
      local: true,
      requestId: '',
    };
    return deploymentAt(this.env, requestOrigin);
  }
}

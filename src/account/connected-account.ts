import { seconds } from '../clock';
import { objectKeyring, readSecret, secretName } from '../config';
import { writeLog } from '../log';
import { ok, type Result } from '../result';
import type { Access } from './access/access';
import { Connections, type Obtained } from './connections/connections';
import type {
  ClientSetting,
  Connection,
  Connector,
  CredentialAnswer,
  CredentialRequest,
} from './connections/credential';
import { migratableConnections } from './connections/migratable-connections';
import { type ConnectionStanding, ConnectionStore } from './connections/store';
import type { Issuer } from './grants/issuer';
import { accountObject } from './object';
import type { ProviderAsker } from './provider/provider';

/** What is asked of the account to which a principal moved, wherever it was asked. */
type VaultCalls =
  | 'authenticateWith'
  | 'credential'
  | 'credentialRefused'
  | 'storeConnections'
  | 'beginConnecting'
  | 'disconnect'
  | 'listConnections'
  | 'connectionStandings';

/**
 * The `Account` with the vault of its principal's connections. `connector` talks to their
 * providers, `ask` to the sign-in provider. Keys never
 * leave the object; what leaves it is the one credential that a call needs.
 */
export function connectedAccount(issuer: Issuer, connector: Connector, ask: ProviderAsker) {
  return class ConnectedAccount extends accountObject(issuer, ask) {
    readonly #connections: Connections;
    readonly #store: ConnectionStore;

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      const userId = () => {
        const row = ctx.storage.sql.exec<{ user_id: string }>('SELECT user_id FROM profile').toArray()[0];
        return row?.user_id ?? ctx.id.name ?? '';
      };
      const store = new ConnectionStore(ctx.storage, userId);
      this.#store = store;
      this.#connections = new Connections(store, {
        userId,
        connector,
        keyring: () => objectKeyring(env),
        clientSecret: (server) => readSecret({ ...env }, secretName('SERVER', server, 'CLIENT_SECRET')),
        log: (event) => writeLog('log', { ...event, user: userId() }),
      });
      this.parts.migratable.push(migratableConnections(store, this.#connections));
    }

    /**
     * As `authenticate`, and the credential for the server in question in the same call. That the grant stands
     * and that the credential can be had are two answers.
     */
    async authenticateWith(
      grantId: string,
      hash: string,
      wanted: CredentialRequest,
    ): Promise<Result<Access & { credential: CredentialAnswer }>> {
      const there = await this.#elsewhere();
      if (there) return there.authenticateWith(grantId, hash, wanted);
      const access = await this.authenticate(grantId, hash);
      return access.ok ? ok({ ...access.value, credential: await this.credential(wanted) }) : access;
    }

    /** The credential for a server, renewed first when its end is near or `wanted.refused` names it. */
    async credential(wanted: CredentialRequest): Promise<CredentialAnswer> {
      const there = await this.#elsewhere();
      if (there) return there.credential(wanted);
      const answer = await this.#connections.credential(wanted);
      await this.#copySoon();
      if (!answer.ok) await this.parts.watchers.tell();
      return answer;
    }

    /** Notes that a server refuses a credential though it is new: the person must connect again. */
    async credentialRefused(server: string, credentialId: string): Promise<void> {
      const there = await this.#elsewhere();
      if (there) return there.credentialRefused(server, credentialId);
      this.#connections.markRefused(server, credentialId);
      await this.parts.watchers.tell();
    }

    /** What is connected decides what the user may do, too. */
    override rights(): string {
      return `${super.rights()}${JSON.stringify(this.#store.standings())}`;
    }

    /** Stores what was obtained for one or more servers, all or none, in the place of what was there. */
    async storeConnections(obtained: Obtained[]): Promise<void> {
      const there = await this.#elsewhere();
      if (there) return there.storeConnections(obtained);
      await this.#connections.connect(obtained);
      await this.#copySoon();
      await this.parts.watchers.tell();
    }

    /** Notes that the person is on the way to a server's provider, until `until` (seconds since the epoch). */
    async beginConnecting(server: string, until: number): Promise<void> {
      const there = await this.#elsewhere();
      if (there) return there.beginConnecting(server, until);
      this.#connections.begin(server, until);
    }

    /** Ends a connection; `revoked`: at the provider too. `configured`: the client that the settings name, if any. */
    async disconnect(
      server: string,
      loopback: string[],
      configured?: ClientSetting,
    ): Promise<{ existed: boolean; revoked: boolean }> {
      const there = await this.#elsewhere();
      if (there) return there.disconnect(server, loopback, configured);
      const ended = await this.#connections.disconnect(server, loopback, configured);
      await this.#copySoon();
      await this.parts.watchers.tell();
      return ended;
    }

    /** What is connected, and the servers at whose provider the person is now. */
    async listConnections(): Promise<{ connections: Connection[]; pending: string[] }> {
      const there = await this.#elsewhere();
      if (there) return there.listConnections();
      return this.#connections.list();
    }

    /** Which connections there are, and how each stands: nothing of it changes by a renewal. */
    async connectionStandings(): Promise<ConnectionStanding[]> {
      const there = await this.#elsewhere();
      return there ? there.connectionStandings() : this.#store.standings();
    }

    /** Seals by the current master key what older ones sealed. `left`: what can't be opened. */
    async rewrap(): Promise<{ rewrapped: number; left: number }> {
      const both = [await this.#connections.rewrap(), await this.parts.checks.rewrap()];
      await this.#copySoon();
      const sum = (name: 'rewrapped' | 'left') => both.reduce((total, done) => total + done[name], 0);
      return { rewrapped: sum('rewrapped'), left: sum('left') };
    }

    /** A visitor who became a user took along what is theirs, and what is still on its way. */
    async #elsewhere(): Promise<Pick<this, VaultCalls> | undefined> {
      return (await this.parts.moves.elsewhere()) as Pick<this, VaultCalls> | undefined;
    }

    /** The alarm copies what waits for KV. */
    async #copySoon(): Promise<void> {
      if (this.ctx.storage.sql.exec('SELECT seq FROM outbox LIMIT 1').toArray().length === 0) return;
      const set = await this.ctx.storage.getAlarm();
      const now = seconds() * 1000;
      if (set === null || set > now) await this.ctx.storage.setAlarm(now);
    }
  };
}

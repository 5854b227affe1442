import type { Obtained } from '../connections/connections';
import type {
  ClientSetting,
  Connection,
  CredentialAnswer,
  CredentialRequest,
} from '../connections/credential';
import type { ConnectionStanding } from '../connections/store';
import type { AccountCore } from './core';

/**
 * A principal's connections to servers. What leaves the object is only the one credential that a call needs. Once a
 * visitor was merged into a user, these calls are answered by the user's account.
 */
export class AccountConnections {
  readonly #core: Pick<AccountCore, 'connections' | 'connectionStore' | 'maintenance' | 'watchers'>;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** The credential for a server, renewed first when it is about to expire or `wanted.refused` names it. */
  async credential(wanted: CredentialRequest): Promise<CredentialAnswer> {
    const { connections, maintenance, watchers } = this.#core;
    const answer = await connections.credential(wanted);
    await maintenance.copySoon();
    if (!answer.ok) await watchers.tell();
    return answer;
  }

  /** A server refuses a credential that is new: the person must connect again. */
  async credentialRefused(server: string, credentialId: string): Promise<void> {
    this.#core.connections.markRefused(server, credentialId);
    await this.#core.watchers.tell();
  }

  /** Stores new credentials, all or none. They replace those that these servers had. */
  async storeConnections(obtained: Obtained[]): Promise<void> {
    await this.#core.connections.connect(obtained);
    await this.#afterChange();
  }

  /** Stores that the person is at the provider of a server, until `until` (seconds since the epoch). */
  beginConnecting(server: string, until: number): void {
    this.#core.connections.begin(server, until);
  }

  /**
   * Ends a connection: here at once, then at its provider, where that has a way.
   *
   * @param loopback origins on this computer that a provider may have
   * @param configured the client that the settings name for this server, if any
   * @returns `existed`: whether there was one; `revoked`: whether the provider ended it too
   */
  async disconnect(
    server: string,
    loopback: string[],
    configured?: ClientSetting,
  ): Promise<{ existed: boolean; revoked: boolean }> {
    const ended = await this.#core.connections.disconnect(server, loopback, configured);
    await this.#afterChange();
    return ended;
  }

  /** All connections, and the servers at whose provider the person is now. */
  listConnections(): Promise<{ connections: Connection[]; pending: string[] }> {
    return this.#core.connections.list();
  }

  /** All connections with their status. A renewal changes nothing of it. */
  connectionStandings(): ConnectionStanding[] {
    return this.#core.connectionStore.standings();
  }

  async #afterChange(): Promise<void> {
    await this.#core.maintenance.copySoon();
    await this.#core.watchers.tell();
  }
}

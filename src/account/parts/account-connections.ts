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
 * A principal's own accounts at servers. Keys never leave the object; what leaves it is the one credential that a
 * call needs. Once a visitor was merged into a user, these calls are answered by the user's account.
 */
export class AccountConnections {
  readonly #core: Pick<AccountCore, 'connections' | 'connectionStore' | 'maintenance' | 'watchers'>;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** The credential for a server, renewed first when its end is near or `wanted.refused` names it. */
  async credential(wanted: CredentialRequest): Promise<CredentialAnswer> {
    const { connections, maintenance, watchers } = this.#core;
    const answer = await connections.credential(wanted);
    await maintenance.copySoon();
    if (!answer.ok) await watchers.tell();
    return answer;
  }

  /** Notes that a server refuses a credential though it is new: the person must connect again. */
  async credentialRefused(server: string, credentialId: string): Promise<void> {
    this.#core.connections.markRefused(server, credentialId);
    await this.#core.watchers.tell();
  }

  /** Stores what was obtained, all or none, in the place of what was there. */
  async storeConnections(obtained: Obtained[]): Promise<void> {
    await this.#core.connections.connect(obtained);
    await this.#afterChange();
  }

  /** Notes that the person is at the provider of a server, until `until` (seconds since the epoch). */
  beginConnecting(server: string, until: number): void {
    this.#core.connections.begin(server, until);
  }

  /**
   * Ends a connection; `revoked`: at the provider too. `loopback`: origins on this computer that a provider may have.
   * `configured`: the client that the settings name, if any.
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

  /** What is connected, and the servers at whose provider the person is now. */
  listConnections(): Promise<{ connections: Connection[]; pending: string[] }> {
    return this.#core.connections.list();
  }

  /** Which connections there are, and how each stands: nothing of it changes by a renewal. */
  connectionStandings(): ConnectionStanding[] {
    return this.#core.connectionStore.standings();
  }

  async #afterChange(): Promise<void> {
    await this.#core.maintenance.copySoon();
    await this.#core.watchers.tell();
  }
}

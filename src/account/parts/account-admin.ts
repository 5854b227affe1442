import { seconds } from '../../clock';
import { describeGrant, type Grant } from '../access/access';
import type { Connection } from '../connections/credential';
import type { AccessKey } from '../keys/access-keys';
import type { Identity } from '../principal/identity';
import type { SignInRow } from '../sign-ins/sign-ins';
import { indexKey } from './account-keys';
import type { AccountCore } from './core';

/** All that an account has, as admins see it. */
export interface AccountOverview {
  identity: Identity;
  /** Seconds since the epoch; undefined: it isn't disabled. */
  disabled_at: number | undefined;
  grants: Grant[];
  keys: AccessKey[];
  signIns: SignInRow[];
  connections: Connection[];
}

/** What admins do with the account of somebody else. */
export class AccountAdmin {
  readonly #core: AccountCore;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** Undefined: nobody ever signed in. */
  async overview(): Promise<AccountOverview | undefined> {
    const { profile, disabled, grantStore, accessKeys, signIns, connections } = this.#core;
    const identity = profile.identity();
    if (!identity) return undefined;
    return {
      identity,
      disabled_at: disabled.since(),
      grants: grantStore.list(seconds()).map(describeGrant),
      keys: accessKeys.list(),
      signIns: signIns.list(seconds()),
      connections: (await connections.list()).connections,
    };
  }

  /** Since when the account is disabled; undefined: it isn't. */
  disabledAt(): number | undefined {
    return this.#core.disabled.since();
  }

  /** Ends every browser sign-in and every grant. Keys stay. */
  async signOutEverywhere(): Promise<void> {
    this.#signOut();
    await this.#core.maintenance.afterCommit();
  }

  /** Signs the person out everywhere; until {@link enable}, they can't sign in, and their keys are refused. */
  async disable(): Promise<void> {
    this.#core.storage.transactionSync(() => {
      this.#core.disabled.set(seconds());
      this.#signOut();
    });
    await this.#core.maintenance.afterCommit();
  }

  async enable(): Promise<void> {
    this.#core.disabled.clear();
    await this.#core.maintenance.afterCommit();
  }

  /** Removes all that there is of the person but their connections, which the caller ends at the providers first. */
  async erase(): Promise<void> {
    const { storage, profile, accessKeys, outbox, maintenance } = this.#core;
    storage.transactionSync(() => {
      this.#signOut();
      for (const { id } of accessKeys.list())
        outbox.add({ key: indexKey(profile.userId(), id), value: null });
      storage.sql.exec('DELETE FROM access_keys');
      storage.sql.exec('DELETE FROM provider_checks');
      storage.sql.exec('DELETE FROM moved_from');
      profile.erase();
    });
    await maintenance.afterCommit();
  }

  #signOut(): void {
    this.#core.signIns.endAll();
    this.#core.grantStore.revokeAll();
  }
}

import { leavePool } from '../../flow';
import { VISITOR } from '../principal/identity';
import type { AccountCore } from './core';

/** While one of these tables has a row, something of the account's principal is kept. */
const KEPT = ['grants', 'sign_ins', 'access_keys', 'connections', 'outbox', 'moved_to', 'moved_from'];

/** Milliseconds for which an object stays that was only asked for. */
export const UNUSED_MS = 3_600_000;

/**
 * The end of an account: of a visitor of whom nothing is left, or that was only asked for. Its user id stays what it
 * is, so a visitor who comes back is the same one.
 */
export class AccountLifecycle {
  readonly #core: Pick<
    AccountCore,
    'ctx' | 'env' | 'grantStore' | 'migratable' | 'profile' | 'signIns' | 'storage'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** Ends all that a visitor has here, so that others have room. Nobody else's account changes. */
  async forgetVisitor(): Promise<void> {
    const { storage, profile, grantStore, signIns, migratable } = this.#core;
    if (profile.identity()?.provider !== VISITOR) return;
    storage.transactionSync(() => {
      signIns.endAll();
      // Its copies in KV go by the outbox, which stays until they have.
      grantStore.revokeAll();
      for (const one of migratable) if (one.name !== 'grants') one.drop();
    });
    await storage.setAlarm(Date.now());
  }

  /** Deletes the object's storage, if nothing is kept in it, and stops the object: its tables are gone. */
  async vanish(): Promise<void> {
    const { ctx, env, profile, storage } = this.#core;
    if (!isIdle(this.#core)) return;
    const userId = profile.userId();
    await storage.deleteAll();
    if (userId !== '') await leavePool({ env }, 'visitors', userId);
    ctx.abort('nothing of this account is left');
  }
}

/** Whether nothing is left of an account: of a visitor's, or of one that was only asked for. */
export function isIdle({ profile, storage }: Pick<AccountCore, 'profile' | 'storage'>): boolean {
  const provider = profile.identity()?.provider;
  if (provider !== undefined && provider !== VISITOR) return false;
  return KEPT.every((table) => storage.sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length === 0);
}

import { leavePool } from '../../flow';
import { VISITOR } from '../principal/identity';
import type { AccountCore } from './core';

/** An account is in use while one of these tables has a row. */
const KEPT = ['grants', 'sign_ins', 'access_keys', 'connections', 'outbox', 'moved_to', 'moved_from'];

/** Milliseconds after which an object that stores nothing is deleted. */
export const UNUSED_MS = 3_600_000;

/**
 * The end of an account: a visitor's that has nothing left, or one that was called and never used. The user id stays the
 * same, so a visitor who comes back is the same one.
 */
export class AccountLifecycle {
  readonly #core: Pick<
    AccountCore,
    'ctx' | 'env' | 'grantStore' | 'migratable' | 'profile' | 'signIns' | 'storage'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** Ends everything that a visitor has here. Does nothing in any other account. */
  async forgetVisitor(): Promise<void> {
    const { storage, profile, grantStore, signIns, migratable } = this.#core;
    if (profile.identity()?.provider !== VISITOR) return;
    storage.transactionSync(() => {
      signIns.endAll();
      // The outbox stays until it has deleted the copies in KV.
      grantStore.revokeAll();
      for (const one of migratable) if (one.name !== 'grants') one.drop();
    });
    await storage.setAlarm(Date.now());
  }

  /** Deletes the object's storage if the account isn't in use, and stops the object, whose tables are gone then. */
  async vanish(): Promise<void> {
    const { ctx, env, profile, storage } = this.#core;
    if (!isIdle(this.#core)) return;
    const userId = profile.userId();
    await storage.deleteAll();
    if (userId !== '') await leavePool({ env }, 'visitors', userId);
    ctx.abort('this account is not in use any more');
  }
}

/** Whether an account isn't in use: a visitor's that has nothing left, or one that was called and never used. */
export function isIdle({ profile, storage }: Pick<AccountCore, 'profile' | 'storage'>): boolean {
  const provider = profile.identity()?.provider;
  if (provider !== undefined && provider !== VISITOR) return false;
  return KEPT.every((table) => storage.sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length === 0);
}

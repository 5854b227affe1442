import { leavePool } from '../flow';
import type { GrantStore } from './grants/store';
import type { MigratableData } from './merge/migratable-data';
import { VISITOR } from './principal/identity';
import type { Profile } from './principal/profile';
import type { SignIns } from './sign-ins/sign-ins';

/** While one of these tables has a row, something of the account's principal is kept. */
const KEPT = ['grants', 'sign_ins', 'access_keys', 'connections', 'outbox', 'moved_to', 'moved_from'];

/** Milliseconds for which an object stays that was only asked for. */
export const UNUSED_MS = 3_600_000;

/** What of an account its end touches. */
interface EndingAccount {
  ctx: DurableObjectState;
  env: Env;
  profile: Profile;
  grants: GrantStore;
  signIns: SignIns;
  migratable: readonly MigratableData[];
}

/**
 * The end of an account: of a visitor of whom nothing is left, or that was only asked for. Its user id stays what it
 * is, so a visitor who comes back is the same one.
 */
export class AccountEnd {
  constructor(private readonly at: EndingAccount) {}

  /** Ends all that a visitor has here: others need the room. Nobody else's account changes. */
  async forgetVisitor(): Promise<void> {
    const { ctx, profile, grants, signIns, migratable: belongings } = this.at;
    if (profile.identity()?.provider !== VISITOR) return;
    ctx.storage.transactionSync(() => {
      signIns.endAll();
      // Its copies in KV go by the outbox, which stays until they have.
      grants.revokeAll();
      for (const one of belongings) if (one.name !== 'grants') one.drop();
    });
    await ctx.storage.setAlarm(Date.now());
  }

  /** Called by the alarm: the object can't end itself within it, since a failed alarm is tried again. */
  vanishIfIdle(): void {
    const { ctx, env } = this.at;
    if (!this.isIdle()) return;
    ctx.waitUntil(env.ACCOUNT.get(ctx.id).vanish());
  }

  /** Deletes the object's storage, if nothing is kept in it, and stops the object: its tables are gone. */
  async vanish(): Promise<void> {
    const { ctx, env, profile } = this.at;
    if (!this.isIdle()) return;
    const userId = profile.userId();
    await ctx.storage.deleteAll();
    if (userId !== '') await leavePool({ env }, 'visitors', userId);
    ctx.abort('nothing of this account is left');
  }

  private isIdle(): boolean {
    const { ctx, profile } = this.at;
    const provider = profile.identity()?.provider;
    if (provider !== undefined && provider !== VISITOR) return false;
    return KEPT.every(
      (table) => ctx.storage.sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length === 0,
    );
  }
}

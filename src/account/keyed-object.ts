import { DurableObject } from 'cloudflare:workers';
import type { AccountKeys } from './account-keys';
import type { Moves } from './moves';

/**
 * What an `Account` is asked about access keys and visitors: one call each, so these are methods of the object
 * itself; `account-keys.ts` and `moves.ts` do them.
 */
export abstract class KeyedObject extends DurableObject<Env> {
  /** A field: what isn't a method can't be reached from outside. */
  protected abstract readonly desk: { keys: AccountKeys; moves: Moves };

  createKey(...args: Parameters<AccountKeys['create']>): ReturnType<AccountKeys['create']> {
    return this.desk.keys.create(...args);
  }

  listKeys(): ReturnType<AccountKeys['list']> {
    return this.desk.keys.list();
  }

  revokeKey(id: string): Promise<boolean> {
    return this.desk.keys.revoke(id);
  }

  signInByKey(...args: Parameters<AccountKeys['signIn']>): ReturnType<AccountKeys['signIn']> {
    return this.desk.keys.signIn(...args);
  }

  keyOwner(...args: Parameters<AccountKeys['owner']>): ReturnType<AccountKeys['owner']> {
    return this.desk.keys.owner(...args);
  }

  visitorState(): ReturnType<Moves['state']> {
    return this.desk.moves.state();
  }

  moveTo(userId: string): Promise<boolean> {
    return this.desk.moves.moveTo(userId);
  }

  adopt(...args: Parameters<Moves['adopt']>): Promise<void> {
    return this.desk.moves.adopt(...args);
  }
}

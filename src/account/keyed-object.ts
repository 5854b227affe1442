import { DurableObject } from 'cloudflare:workers';
import type { AccountEnd } from './account-end';
import type { AccountKeys } from './keys/account-keys';
import type { Moves } from './merge/account-merge';
import type { Belonging } from './merge/migratable-data';
import type { ProviderChecks } from './provider/checks';
import type { Watchers } from './watch/watch';

/** Who does what the object is asked. */
export interface Desk {
  keys: AccountKeys;
  moves: Moves;
  watchers: Watchers;
  checks: ProviderChecks;
  end: AccountEnd;
  /** What moves along with a visitor who signs in. */
  belongings: Belonging[];
}

/**
 * What an `Account` is asked about access keys and visitors, and who watches it: one call each, so these are methods
 * of the object itself; `keys/account-keys.ts`, `moves.ts` and `watch.ts` do them.
 */
export abstract class KeyedObject extends DurableObject<Env> {
  /** A field: what isn't a method can't be reached from outside. */
  protected abstract readonly desk: Desk;

  /** Opens a socket on which its holder hears of changes to a grant. */
  override async fetch(request: Request): Promise<Response> {
    const there = await this.desk.moves.elsewhere();
    return there ? there.fetch(request) : this.desk.watchers.open(request);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

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

  forgetVisitor(): Promise<void> {
    return this.desk.end.forgetVisitor();
  }

  vanish(): Promise<void> {
    return this.desk.end.vanish();
  }

  adopt(...args: Parameters<Moves['adopt']>): Promise<void> {
    return this.desk.moves.adopt(...args);
  }
}

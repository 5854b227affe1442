import { DurableObject } from 'cloudflare:workers';
import type { AccountEnd } from './account-end';
import type { AccountKeys } from './keys/account-keys';
import type { AccountMerge } from './merge/account-merge';
import type { MigratableData } from './merge/migratable-data';
import type { ProviderChecks } from './provider/checks';
import type { Watchers } from './watch/watch';

/** Who does what the object is asked. */
export interface AccountParts {
  keys: AccountKeys;
  moves: AccountMerge;
  watchers: Watchers;
  checks: ProviderChecks;
  end: AccountEnd;
  /** What moves along with a visitor who signs in. */
  migratable: MigratableData[];
}

/**
 * What an `Account` is asked about access keys and visitors, and who watches it: one call each, so these are methods
 * of the object itself; `keys/account-keys.ts`, `moves.ts` and `watch.ts` do them.
 */
export abstract class KeyedObject extends DurableObject<Env> {
  /** A field: what isn't a method can't be reached from outside. */
  protected abstract readonly parts: AccountParts;

  /** Opens a socket on which its holder hears of changes to a grant. */
  override async fetch(request: Request): Promise<Response> {
    const there = await this.parts.moves.elsewhere();
    return there ? there.fetch(request) : this.parts.watchers.open(request);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  createKey(...args: Parameters<AccountKeys['create']>): ReturnType<AccountKeys['create']> {
    return this.parts.keys.create(...args);
  }

  listKeys(): ReturnType<AccountKeys['list']> {
    return this.parts.keys.list();
  }

  revokeKey(id: string): Promise<boolean> {
    return this.parts.keys.revoke(id);
  }

  signInByKey(...args: Parameters<AccountKeys['signIn']>): ReturnType<AccountKeys['signIn']> {
    return this.parts.keys.signIn(...args);
  }

  keyOwner(...args: Parameters<AccountKeys['owner']>): ReturnType<AccountKeys['owner']> {
    return this.parts.keys.owner(...args);
  }

  visitorState(): ReturnType<AccountMerge['state']> {
    return this.parts.moves.state();
  }

  moveTo(userId: string): Promise<boolean> {
    return this.parts.moves.moveTo(userId);
  }

  forgetVisitor(): Promise<void> {
    return this.parts.end.forgetVisitor();
  }

  vanish(): Promise<void> {
    return this.parts.end.vanish();
  }

  adopt(...args: Parameters<AccountMerge['adopt']>): Promise<void> {
    return this.parts.moves.adopt(...args);
  }
}

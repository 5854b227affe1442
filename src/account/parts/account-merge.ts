import type { PackedData, VisitorState } from '../merge/merge';
import type { AccountCore } from './core';

/** Merging a visitor into a user: {@link Merge} says how. */
export class AccountMerge {
  readonly #core: Pick<AccountCore, 'merge'>;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** What a visitor has here. */
  visitorState(): VisitorState {
    return this.#core.merge.state();
  }

  /**
   * Hands everything of this visitor over to a user. False when this account isn't a visitor's, or they were merged
   * before.
   */
  moveTo(userId: string): Promise<boolean> {
    return this.#core.merge.moveTo(userId);
  }

  /** Stores what the account `from` packed: once, however often it is called. */
  adopt(from: string, packed: PackedData): Promise<void> {
    return this.#core.merge.adopt(from, packed);
  }
}

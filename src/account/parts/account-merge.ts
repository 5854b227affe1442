import type { PackedData, VisitorState } from '../merge/merge';
import type { AccountCore } from './core';

/** Merging a visitor into a user: {@link Merge} says how. */
export class AccountMerge {
  readonly #core: Pick<AccountCore, 'merge'>;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** What a visitor left here. */
  visitorState(): VisitorState {
    return this.#core.merge.state();
  }

  /** Moves all that this visitor has to a user. False when this account isn't a visitor's that is still here. */
  moveTo(userId: string): Promise<boolean> {
    return this.#core.merge.moveTo(userId);
  }

  /** Takes in what the account `from` packed: once, however often it is asked to. */
  adopt(from: string, packed: PackedData): Promise<void> {
    return this.#core.merge.adopt(from, packed);
  }
}

import { type Keyring, seal, unseal } from '../../crypto';
import { type Result, refuse } from '../../result';
import type { ProviderToken } from './provider';
import { type ProviderRow, ProviderStore, type SealedToken } from './store';

/** The refresh token of the sign-in provider, sealed under the principal's own key. */
export class ProviderVault {
  readonly store: ProviderStore;

  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly userId: () => string,
    private readonly keyring: () => Promise<Keyring>,
  ) {
    this.store = new ProviderStore(storage.sql, userId);
  }

  async seal(userId: string, token: ProviderToken): Promise<SealedToken> {
    const keyring = await this.keyring();
    const sealed = await seal(keyring, purposeOf(userId), token);
    return { token_id: crypto.randomUUID(), sealed, key_version: keyring.current };
  }

  /** Refused as `vault_unreadable` when the key is gone. */
  async open({ sealed }: ProviderRow): Promise<Result<ProviderToken>> {
    if (sealed === null) return refuse('vault_unreadable', 'there is nothing in it');
    return unseal<ProviderToken>(await this.keyring(), purposeOf(this.userId()), sealed);
  }

  /**
   * Stores a token in the place of one that the provider took, and that its answer is no longer waited for. Returns
   * the id of what is stored now; the same as before when the person has signed in meanwhile.
   */
  async replace(tokenId: string, token: ProviderToken): Promise<string> {
    const next = await this.seal(this.userId(), token);
    const stored = this.storage.transactionSync(() =>
      this.store.update(tokenId, { ...next, asked_at: null }),
    );
    return stored ? next.token_id : tokenId;
  }

  /** Seals by the current master key what another one sealed; `left`: what can't be opened. */
  async rewrap(): Promise<{ rewrapped: number; left: number }> {
    const row = this.store.row();
    const { token_id } = row;
    const { current } = await this.keyring();
    if (token_id === null || row.key_version === current) return { rewrapped: 0, left: 0 };
    const opened = await this.open(row);
    if (!opened.ok) return { rewrapped: 0, left: 1 };
    // Under the same id: a question that is under way goes on.
    const next = { ...(await this.seal(this.userId(), opened.value)), token_id };
    const same = () => this.store.row().sealed === row.sealed && this.store.update(token_id, next);
    return { rewrapped: this.storage.transactionSync(same) ? 1 : 0, left: 0 };
  }
}

/** Of the sign-in provider only: nothing that was sealed as a connection opens here, nor the other way round. */
function purposeOf(userId: string): string {
  return `sign-in-provider:${userId}`;
}

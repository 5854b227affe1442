import { type Keyring, seal, unseal } from '../../crypto';
import { type Result, refuse } from '../../result';
import type { ProviderToken } from './provider';
import { type ProviderRow, ProviderStore, type SealedToken } from './store';

/** The refresh token of the sign-in provider, encrypted with the principal's own key. */
export class ProviderVault {
  readonly store: ProviderStore;

  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly userId: () => string,
    private readonly keyring: () => Promise<Keyring>,
  ) {
    this.store = new ProviderStore(storage.sql, userId);
  }

  /** Encrypts a token. */
  async seal(userId: string, token: ProviderToken): Promise<SealedToken> {
    const keyring = await this.keyring();
    const sealed = await seal(keyring, purposeOf(userId), token);
    return { token_id: crypto.randomUUID(), sealed, key_version: keyring.current };
  }

  /** Decrypts the token. Refused as `vault_unreadable` when there is none, or the master key is gone. */
  async open({ sealed }: ProviderRow): Promise<Result<ProviderToken>> {
    if (sealed === null) return refuse('vault_unreadable', 'there is nothing in it');
    return unseal<ProviderToken>(await this.keyring(), purposeOf(this.userId()), sealed);
  }

  /**
   * Replaces a token that the provider has accepted, and stores that its answer has come. Returns the id of the new token;
   * the old id, and nothing stored, when the person has signed in meanwhile.
   */
  async replace(tokenId: string, token: ProviderToken): Promise<string> {
    const next = await this.seal(this.userId(), token);
    const stored = this.storage.transactionSync(() =>
      this.store.update(tokenId, { ...next, asked_at: null }),
    );
    return stored ? next.token_id : tokenId;
  }

  /** Encrypts by the current master key what an older one encrypted. `left`: how many can't be decrypted. */
  async rewrap(): Promise<{ rewrapped: number; left: number }> {
    const row = this.store.row();
    const { token_id } = row;
    const { current } = await this.keyring();
    if (token_id === null || row.key_version === current) return { rewrapped: 0, left: 0 };
    const opened = await this.open(row);
    if (!opened.ok) return { rewrapped: 0, left: 1 };
    // With the same id, so that a question that is under way goes on.
    const next = { ...(await this.seal(this.userId(), opened.value)), token_id };
    const same = () => this.store.row().sealed === row.sealed && this.store.update(token_id, next);
    return { rewrapped: this.storage.transactionSync(same) ? 1 : 0, left: 0 };
  }
}

/** The purpose of the key. A connection has another one, so neither can be decrypted as the other. */
function purposeOf(userId: string): string {
  return `sign-in-provider:${userId}`;
}

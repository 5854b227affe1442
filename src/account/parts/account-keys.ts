import { seconds } from '../../clock';
import { ok, type Refusal, type Result } from '../../result';
import type { AccessKey, KeyLimitRefusal, KeyLimits, KeyRefusal, KeySpec } from '../keys/access-keys';
import { makeKey } from '../keys/text';
import type { Identity } from '../principal/identity';
import type { AccountCore } from './core';

/** A new key. `text` is the key itself, which is shown once and not stored. */
export type MadeKey = AccessKey & { text: string };

/** An account's access keys. `hash` is the SHA-256 of a whole key in hex. */
export class AccountKeys {
  readonly #core: Pick<
    AccountCore,
    'accessKeys' | 'grantStore' | 'maintenance' | 'outbox' | 'profile' | 'signIns' | 'storage'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /**
   * Makes a key.
   *
   * @param options `service`: the new service account that the key is for. `id`: of the form that asks for the key, so
   *   that the same form makes one key, even if it is sent twice
   */
  async createKey(
    spec: KeySpec,
    { service, id }: { service?: { userId: string; identity: Identity }; id?: string } = {},
  ): Promise<Result<MadeKey, Refusal<KeyLimitRefusal>>> {
    const { storage, profile, accessKeys, outbox, maintenance } = this.#core;
    const userId = service?.userId ?? profile.userId();
    if (userId === '') throw new Error('a key was asked for by a principal that never signed in');
    const { text, keyId, hash } = await makeKey(userId, id);
    const now = seconds();
    // There is no await between the check and the row, so requests at the same moment can't exceed the limits.
    const may = accessKeys.mayMake(keyId, now);
    if (!may.ok) return may;
    storage.transactionSync(() => {
      if (service) profile.save(userId, service.identity, now);
      accessKeys.add(keyId, hash, spec, now);
      const { name, issuer } = profile.identity() ?? { name: '', issuer: '' };
      const value = JSON.stringify({ ...spec, user_name: name, issuer, created_at: now });
      outbox.add({ key: indexKey(userId, keyId), value, expires_at: spec.expires_at });
    });
    await maintenance.afterCommit();
    return ok({ ...spec, tools: spec.tools, id: keyId, created_at: now, last_used_at: undefined, text });
  }

  /** All keys that were not revoked, the newest first; expired ones for 30 days. */
  listKeys(): AccessKey[] {
    return this.#core.accessKeys.list();
  }

  /** Revokes a key, every browser that it signed in, and every grant that was made with it. False when there was none. */
  async revokeKey(id: string): Promise<boolean> {
    const { storage, profile, accessKeys, signIns, grantStore, outbox, maintenance } = this.#core;
    const existed = storage.transactionSync(() => {
      if (!accessKeys.revoke(id, seconds())) return false;
      signIns.endAll(id);
      grantStore.revokeOfKey(id);
      outbox.add({ key: indexKey(profile.userId(), id), value: null });
      return true;
    });
    await maintenance.afterCommit();
    return existed;
  }

  /** Signs a browser in with a key, for at most `browser.ttl` seconds, and no longer than the key is valid. */
  async signInByKey(
    id: string,
    hash: string,
    browser: { userAgent: string; ttl: number },
  ): Promise<Result<{ id: string; secret: string; ttl: number; key: KeyLimits }, Refusal<KeyRefusal>>> {
    const { accessKeys, signIns, maintenance } = this.#core;
    const now = seconds();
    const found = accessKeys.check(id, hash, now);
    if (!found.ok) return found;
    const ttl = Math.min(browser.ttl, found.value.expires_at - now);
    const signIn = await signIns.create(browser.userAgent, now, ttl, id);
    accessKeys.touch(id, now);
    await maintenance.afterCommit();
    return ok({ ...signIn, ttl, key: found.value });
  }

  /** The owner of a key. For checks before {@link signInByKey}. */
  keyOwner(id: string, hash: string): Result<Identity | undefined, Refusal<KeyRefusal>> {
    const found = this.#core.accessKeys.check(id, hash, seconds());
    return found.ok ? ok(this.#core.profile.identity()) : found;
  }
}

/** The prefix of the copies in KV for listing across users. They have no secret and no hash. */
export const KEY_INDEX = 'access-key:';

/** The key of that copy. */
export function indexKey(userId: string, keyId: string): string {
  return `${KEY_INDEX}${userId}:${keyId}`;
}

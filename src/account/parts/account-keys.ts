import { seconds } from '../../clock';
import { ok, type Refusal, type Result } from '../../result';
import type { AccessKey, KeyLimitRefusal, KeyLimits, KeyRefusal, KeySpec } from '../keys/access-keys';
import { makeKey } from '../keys/text';
import type { Identity } from '../principal/identity';
import type { AccountCore } from './core';

/** A key just made. `text` is the key itself: shown once, stored nowhere. */
export type MadeKey = AccessKey & { text: string };

/** An account's access keys: made, listed, revoked, and signed in by. */
export class AccountKeys {
  readonly #core: Pick<
    AccountCore,
    'accessKeys' | 'grantStore' | 'maintenance' | 'outbox' | 'profile' | 'signIns' | 'storage'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /**
   * Makes a key. `service`: of a service that begins with it. `id`: proposed by the form that asks for it, so that
   * the same form makes one key, however often it is sent.
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
    // Nothing waits between the check and the row: however many ask at once, no more than may be are made.
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

  listKeys(): AccessKey[] {
    return this.#core.accessKeys.list();
  }

  /** Revokes a key, with every browser that it signed in and every grant made there. False: there is none. */
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

  /** Signs a browser in by a key, for at most `ttl` seconds and never longer than the key lives. */
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

  /** Whose key that is; refused as the key is. For those who must know before they sign anybody in. */
  keyOwner(id: string, hash: string): Result<Identity | undefined, Refusal<KeyRefusal>> {
    const found = this.#core.accessKeys.check(id, hash, seconds());
    return found.ok ? ok(this.#core.profile.identity()) : found;
  }
}

/** Where the copy for listing across users stands in KV: without anything that opens a door. */
export const KEY_INDEX = 'access-key:';

/** The key of that copy. */
export function indexKey(userId: string, keyId: string): string {
  return `${KEY_INDEX}${userId}:${keyId}`;
}

import { seconds } from '../../clock';
import { ok, type Refusal, type Result } from '../../result';
import type { GrantStore } from '../grants/store';
import type { Identity } from '../principal/identity';
import type { Profile } from '../principal/profile';
import type { SignIns } from '../sign-ins/sign-ins';
import type { Outbox } from '../storage/outbox';
import type { AccessKey, AccessKeys, KeyLimitRefusal, KeyLimits, KeyRefusal, KeySpec } from './access-keys';
import { makeKey } from './text';

/** The rooms of an account's storage that keys touch. `schedule` sets its alarm anew. */
export interface KeyHolder {
  storage: DurableObjectStorage;
  profile: Profile;
  keys: AccessKeys;
  signIns: SignIns;
  grants: GrantStore;
  outbox: Outbox;
  schedule: () => Promise<void>;
}

/** A key just made. `text` is the key itself: shown once, stored nowhere. */
export type MadeKey = AccessKey & { text: string };

/** What an `Account` does with its access keys. */
export class AccountKeys {
  readonly #at: KeyHolder;

  constructor(holder: KeyHolder) {
    this.#at = holder;
  }

  /**
   * Makes a key. `service`: of a service that begins with it. `id`: proposed by the form that asks for it, so that
   * the same form makes one key, however often it is sent.
   */
  async create(
    spec: KeySpec,
    { service, id }: { service?: { userId: string; identity: Identity }; id?: string } = {},
  ): Promise<Result<MadeKey, Refusal<KeyLimitRefusal>>> {
    const { storage, profile, keys, outbox, schedule } = this.#at;
    const userId = service?.userId ?? profile.userId();
    if (userId === '') throw new Error('a key was asked for by a principal that never signed in');
    const { text, keyId, hash } = await makeKey(userId, id);
    const now = seconds();
    // Nothing waits between the check and the row: however many ask at once, no more than may be are made.
    const may = keys.mayMake(keyId, now);
    if (!may.ok) return may;
    storage.transactionSync(() => {
      if (service) profile.save(userId, service.identity, now);
      keys.add(keyId, hash, spec, now);
      const { name, issuer } = profile.identity() ?? { name: '', issuer: '' };
      const value = JSON.stringify({ ...spec, user_name: name, issuer, created_at: now });
      outbox.add({ key: indexKey(userId, keyId), value, expires_at: spec.expires_at });
    });
    await schedule();
    return ok({ ...spec, tools: spec.tools, id: keyId, created_at: now, last_used_at: undefined, text });
  }

  list(): AccessKey[] {
    return this.#at.keys.list();
  }

  /** Revokes a key, with every browser that it signed in and every grant made there. False: there is none. */
  async revoke(id: string): Promise<boolean> {
    const { storage, profile, keys, signIns, grants, outbox, schedule } = this.#at;
    const existed = storage.transactionSync(() => {
      if (!keys.revoke(id, seconds())) return false;
      signIns.endAll(id);
      grants.revokeOfKey(id);
      outbox.add({ key: indexKey(profile.userId(), id), value: null });
      return true;
    });
    await schedule();
    return existed;
  }

  /** Signs a browser in by a key, for at most `ttl` seconds and never longer than the key lives. */
  async signIn(
    id: string,
    hash: string,
    browser: { userAgent: string; ttl: number },
  ): Promise<Result<{ id: string; secret: string; ttl: number; key: KeyLimits }, Refusal<KeyRefusal>>> {
    const { keys, signIns, schedule } = this.#at;
    const now = seconds();
    const found = keys.check(id, hash, now);
    if (!found.ok) return found;
    const ttl = Math.min(browser.ttl, found.value.expires_at - now);
    const signIn = await signIns.create(browser.userAgent, now, ttl, id);
    keys.touch(id, now);
    await schedule();
    return ok({ ...signIn, ttl, key: found.value });
  }

  /** Whose key that is; refused as the key is. For those who must know before they sign anybody in. */
  owner(id: string, hash: string): Result<Identity | undefined, Refusal<KeyRefusal>> {
    const found = this.#at.keys.check(id, hash, seconds());
    return found.ok ? ok(this.#at.profile.identity()) : found;
  }
}

/** Where the copy for listing across users stands in KV: without anything that opens a door. */
export const KEY_INDEX = 'access-key:';

function indexKey(userId: string, keyId: string): string {
  return `${KEY_INDEX}${userId}:${keyId}`;
}

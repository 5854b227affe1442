import { ok, type Refusal, type Result, refuse } from '../../result';
import type { GrantRow } from '../grants/rows';
import type { GrantStore } from '../grants/store';
import type { AccessKeys, KeyRefusal } from '../keys/access-keys';
import { isKeyId } from '../keys/text';
import type { Identity } from '../principal/identity';
import type { Profile } from '../principal/profile';
import { type Access, accessByGrant, accessByKey } from './access';

/** Why a token or access key gives no access. `token_unknown`: its grant is valid, and the token isn't. */
export type AccessRefusal = 'token_unknown' | 'grant_unknown' | KeyRefusal;

/**
 * Checks the tokens and access keys of an account. In each method `id` is the id of a grant or of an access key, `hash`
 * the SHA-256 of the whole token or key in hex, and `now` is in seconds since the epoch.
 */
export class Accesses {
  constructor(
    private readonly grants: GrantStore,
    private readonly keys: AccessKeys,
    private readonly profile: Profile,
  ) {}

  /** The access that an access token or an access key gives. Stores that it was used. */
  use(id: string, hash: string, now: number): Result<Access, Refusal<AccessRefusal>> {
    if (isKeyId(id)) return this.byKey(id, hash, now);
    const access = this.byToken(id, hash, now);
    const grant = this.grants.find(id, now);
    if (access.ok && grant) this.grants.touch(grant, now);
    return access;
  }

  /** As {@link use}, also for the current refresh token of a grant, and without storing a use (RFC 7662). */
  look(grantId: string, hash: string, now: number): Result<Access, Refusal<AccessRefusal>> {
    const grant = this.grants.find(grantId, now);
    const identity = grant && this.identityOf(grant);
    const current = this.grants.refreshToken(grantId, hash, now) === 'current';
    if (!grant || !identity || !current || grant.refresh_expires_at <= now) {
      return this.byToken(grantId, hash, now);
    }
    const scope = grant.scope.split(' ');
    const times = { issued_at: grant.created_at, expires_at: grant.refresh_expires_at };
    return ok({ ...this.describe(identity, grant, now), scope, ...times });
  }

  /** Whether a grant or an access key is valid now. */
  stands(id: string, now: number): boolean {
    const found = isKeyId(id) ? this.keys.standing(id, now) : this.grants.find(id, now);
    return found !== undefined;
  }

  /** Who a grant or an access key acts as; undefined when it isn't valid. */
  actor(id: string, now: number): Identity | undefined {
    if (!this.stands(id, now)) return undefined;
    const grant = this.grants.find(id, now);
    return grant ? this.identityOf(grant) : this.profile.identity();
  }

  private byToken(grantId: string, hash: string, now: number): Result<Access, Refusal<AccessRefusal>> {
    const record = this.grants.record(this.grants.tokenKey(grantId, hash), now);
    const grant = this.grants.find(grantId, now);
    const identity = grant && this.identityOf(grant);
    if (!record || !grant || !identity) return refuse(grant ? 'token_unknown' : 'grant_unknown');
    const { scope, createdAt } = JSON.parse(record.value) as { scope: string[]; createdAt: number };
    const times = { issued_at: createdAt, expires_at: record.expires_at ?? grant.expires_at };
    return ok({ ...this.describe(identity, grant, now), scope, ...times });
  }

  private byKey(id: string, hash: string, now: number): Result<Access, Refusal<AccessRefusal>> {
    const found = this.keys.check(id, hash, now);
    if (!found.ok) return found;
    const identity = this.profile.identity();
    if (!identity) return refuse('key_unknown');
    this.keys.touch(id, now);
    return ok(accessByKey(this.profile.userId(), identity, found.value));
  }

  private describe(identity: Identity, grant: GrantRow, now: number) {
    const key = grant.key_id === null ? undefined : this.keys.standing(grant.key_id, now);
    return accessByGrant(this.profile.userId(), identity, grant, key);
  }

  private identityOf(grant: GrantRow): Identity | undefined {
    return grant.identity === null ? this.profile.identity() : (JSON.parse(grant.identity) as Identity);
  }
}

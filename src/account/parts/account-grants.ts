import { seconds } from '../../clock';
import { refuse } from '../../result';
import { describeGrant, type Grant } from '../access/access';
import { type DirectApproval, issueDirectly } from '../grants/direct';
import type { Approval, IssuerConfig } from '../grants/grants';
import type { TokenResult } from '../grants/token-result';
import type { AccountCore } from './core';

/** The grants of an account's principal: what they allowed which client. */
export class AccountGrants {
  readonly #core: Pick<
    AccountCore,
    'accessKeys' | 'disabled' | 'grants' | 'grantStore' | 'issuer' | 'maintenance' | 'profile'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** Makes a grant of what the person allowed on the consent page. Returns the redirect to the client, with its code. */
  async approve(config: IssuerConfig, approval: Approval): Promise<string> {
    const { profile, grants, maintenance } = this.#core;
    const identity = profile.identity();
    if (!identity) throw new Error('approve was called for a principal that never signed in');
    const { name, email, email_verified } = identity;
    const user = { id: profile.userId(), name, email, email_verified };
    const redirectTo = await grants.approve(config, approval, { user, servers: approval.servers });
    await maintenance.afterCommit();
    return redirectTo;
  }

  /**
   * Makes a grant of what the settings allow a principal, and its one access token. Refused as `key_unknown` when the
   * access key that it was asked for with isn't valid any more, and as `account_disabled` when an admin disabled
   * the account.
   */
  async issueDirectly(
    userId: string,
    config: IssuerConfig,
    approval: DirectApproval,
  ): Promise<TokenResult<'key_unknown' | 'account_disabled'>> {
    const { accessKeys, disabled, grantStore: store, issuer, maintenance, profile } = this.#core;
    if (disabled.since() !== undefined) return refuse('account_disabled');
    const { key_id } = approval;
    if (key_id !== undefined && !accessKeys.standing(key_id, seconds())) return refuse('key_unknown');
    // A person with this issuer and subject stays as they signed in, since the grant has an identity of its own.
    if (!profile.identity()) profile.save(userId, approval.identity, seconds());
    const issued = await issueDirectly({ store, issuer, config }, userId, approval);
    await maintenance.afterCommit();
    return issued;
  }

  /** The valid grants, the newest first. */
  listGrants(): Grant[] {
    return this.#core.grantStore.list(seconds()).map(describeGrant);
  }

  /** Ends a grant with all its tokens. False when there was none. */
  async revokeGrant(id: string): Promise<boolean> {
    const existed = this.#core.grantStore.revoke(id);
    await this.#core.maintenance.afterCommit();
    return existed;
  }
}

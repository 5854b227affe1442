import { seconds } from '../../clock';
import { describeGrant, type Grant } from '../access/access';
import { type DirectApproval, issueDirectly } from '../grants/direct';
import type { Approval, IssuerConfig } from '../grants/grants';
import type { TokenAnswer } from '../grants/issuer';
import type { AccountCore } from './core';

/** What an account's principal allowed: grants are made, listed and ended here. */
export class AccountGrants {
  readonly #core: Pick<
    AccountCore,
    'accessKeys' | 'disabled' | 'grants' | 'grantStore' | 'issuer' | 'maintenance' | 'profile'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /** Makes a grant of what the person allowed. Returns the redirect to the client, with its code. */
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

  /** A grant and its one access token of what the settings allow a principal, without a code. */
  async issueDirectly(userId: string, config: IssuerConfig, approval: DirectApproval): Promise<TokenAnswer> {
    const { accessKeys, disabled, grantStore, issuer, maintenance, profile } = this.#core;
    if (disabled.since() !== undefined) {
      const error_description = 'The account is disabled';
      return { status: 400, body: { error: 'invalid_grant', error_description }, reason: 'account_disabled' };
    }
    const { key_id } = approval;
    if (key_id !== undefined && !accessKeys.standing(key_id, seconds())) {
      const error_description = 'The access key is not valid';
      return { status: 400, body: { error: 'invalid_grant', error_description }, reason: 'key_unknown' };
    }
    // A person of the same issuer and subject stays as they signed in: the grant has its own identity.
    if (!profile.identity()) profile.save(userId, approval.identity, seconds());
    const answer = await issueDirectly(grantStore, issuer, userId, config, approval);
    await maintenance.afterCommit();
    return answer;
  }

  /** Those that stand, the newest first. */
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

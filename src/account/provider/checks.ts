import { seconds } from '../../clock';
import type { OidcProvider } from '../../config';
import { sha256Hex } from '../../crypto';
import { isIssuerOf } from '../../issuer';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { IssuerConfig, TokenRequest } from '../grants/grants';
import type { GrantStore } from '../grants/store';
import type { ProviderRefusalReason } from '../grants/token-result';
import { type Identity, SERVICE, VISITOR } from '../principal/identity';
import type { SignIns } from '../sign-ins/sign-ins';
import type { ProviderToken } from './provider';
import { ProviderQuestions, type QuestionsHost } from './questions';
import { judgeRecheck, type RecheckVerdict } from './recheck';
import { deniedBy } from './store';

/** What {@link ProviderChecks} needs of the object that it runs in. */
export interface ChecksHost extends Omit<QuestionsHost, 'end'> {
  grants: GrantStore;
  signIns: SignIns;
  /** Keeps the object alive until this is done. */
  background(work: Promise<void>): void;
}

/** Seconds. `max_age` of a provider that was removed from the settings: the default of that setting. */
const MAX_AGE_UNNAMED = 2_592_000;

/**
 * Whether the sign-in provider still confirms an account's person. It says so at sign-in, and is asked again when a client
 * refreshes its token and the last answer is older than `recheck`.
 */
export class ProviderChecks {
  private readonly questions: ProviderQuestions;

  constructor(private readonly at: ChecksHost) {
    this.questions = new ProviderQuestions({ ...at, end: () => this.end(seconds()) });
  }

  /** Stores who signed in. `token`: the provider's refresh token, to ask it again, if it gave one. */
  async signedIn(userId: string, identity: Identity, token: ProviderToken | undefined): Promise<void> {
    const { vault, storage, profile } = this.at;
    const sealed = token && (await vault.seal(userId, token));
    storage.transactionSync(() => {
      profile.save(userId, identity, seconds());
      if (hasProvider(identity)) vault.store.begin(sealed);
    });
  }

  /**
   * Whether a refresh may go on. If the last answer is too old, the provider is asked first. Refused as
   * `provider_said_no`: it doesn't confirm the person, and all their grants have ended; `sign_in_too_old`: it couldn't be
   * asked for `max_age`; `provider_wants_sign_in`: it wants the person to sign in again, and nothing ends;
   * `provider_slow`: it would be one of these two, but the provider is being asked now, so the client should try again.
   */
  async checkRefresh(
    config: IssuerConfig,
    presented: TokenRequest,
  ): Promise<Result<null, Refusal<ProviderRefusalReason>>> {
    const { profile, grants, signIns } = this.at;
    const known = profile.identity();
    if (!known || !hasProvider(known)) return ok(null);
    const grant = grants.find(presented.grantId, seconds());
    if (!grant || grant.client_id !== presented.client.client_id) return ok(null);
    // Only somebody who has a refresh token of this grant can cause a question to the provider.
    const hash = await sha256Hex(presented.secret);
    if (grants.refreshToken(grant.id, hash, seconds()) === undefined) return ok(null);

    const provider = providerOf(known, config.providers);
    let verdict = this.judge(provider);
    if (verdict === 'ask' && provider) {
      const { whole, patient } = this.questions.ask(provider, config);
      this.at.background(whole);
      await patient;
      verdict = this.judge(provider);
    }
    // What was allowed with an access key lives as long as the key.
    const bounded = grant.key_id === null;
    switch (verdict) {
      case 'denied':
        await this.runMaintenance(seconds());
        return refuse('provider_said_no');
      case 'too_old':
        if (!bounded) return ok(null);
        // Or the person would be sent to a browser that is still signed in, and end up here again.
        signIns.endOwn();
        return refuse('sign_in_too_old');
      case 'sign_in':
        if (!bounded) return ok(null);
        signIns.endOwn();
        return refuse('provider_wants_sign_in');
      case 'ask':
        // There is no answer yet. After a final refusal the client would have to sign in again.
        return bounded && this.judge(provider, false) !== 'go_on' ? refuse('provider_slow') : ok(null);
      case 'go_on':
        return ok(null);
    }
  }

  /** Whether a code may be redeemed. Refused as `provider_said_no`: the provider doesn't confirm the person any more. */
  checkCode(): Result<null, Refusal<'provider_said_no'>> {
    const denied = deniedBy(this.at.storage.sql, seconds()) !== undefined;
    return denied ? refuse('provider_said_no') : ok(null);
  }

  /** Ends what exists in spite of the provider's refusal: when that takes effect later, or a grant was just made. */
  async runMaintenance(now: number): Promise<void> {
    const { denied_at } = this.at.vault.store.row();
    if (denied_at !== null && denied_at <= now && this.at.grants.any()) await this.end(denied_at);
  }

  /** When {@link runMaintenance} has something to do, or watchers have to hear of it; undefined: never. */
  nextEnd(now: number): number | undefined {
    const { denied_at } = this.at.vault.store.row();
    return denied_at !== null && (denied_at > now || this.at.grants.any()) ? denied_at : undefined;
  }

  /** See {@link ProviderVault.rewrap}. */
  rewrap(): Promise<{ rewrapped: number; left: number }> {
    return this.at.vault.rewrap();
  }

  private judge(provider: OidcProvider | undefined, mayAsk = true): RecheckVerdict {
    const { sealed, retry_at, denied_at, sign_in_wanted_at, groups_at } = this.at.vault.store.row();
    const hasGroups = (this.at.profile.identity()?.groups.length ?? 0) > 0;
    return judgeRecheck({
      now: seconds(),
      answeredAt: this.at.profile.savedAt(),
      recheck: provider?.recheck ?? MAX_AGE_UNNAMED,
      maxAge: provider?.max_age ?? MAX_AGE_UNNAMED,
      askable: mayAsk && provider !== undefined && sealed !== null,
      retryAt: retry_at,
      deniedAt: denied_at,
      signInWanted: sign_in_wanted_at !== null,
      groupsAt: hasGroups ? groups_at : null,
    });
  }

  /** Ends everything that this person allowed, and every browser sign-in. Their keys are refused by {@link deniedBy}. */
  private async end(at: number): Promise<void> {
    const { storage, grants, signIns, vault, afterCommit } = this.at;
    storage.transactionSync(() => {
      grants.revokeAll();
      signIns.endAll();
      vault.store.deny(at);
    });
    await afterCommit();
  }
}

/** Whether an identity came from a provider that can be asked: a local name, a visitor or a service didn't. */
function hasProvider({ provider }: Identity): boolean {
  return ![VISITOR, SERVICE, 'local'].includes(provider);
}

/**
 * The provider that an identity came from; undefined when it was removed from the settings. Its name in the settings may
 * have changed, and the spelling of its issuer too: the stored one is from its ID tokens.
 */
function providerOf({ provider, issuer }: Identity, providers: readonly OidcProvider[]) {
  const same = providers.filter((one) => isIssuerOf(one, issuer));
  return same.find(({ name }) => name === provider) ?? same[0];
}

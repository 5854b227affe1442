import { seconds } from '../../clock';
import type { OidcProvider } from '../../config';
import { sha256Hex } from '../../crypto';
import { sameIssuer } from '../../issuer';
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

/** What the checks need of the object that they run in. */
export interface ChecksHost extends Omit<QuestionsHost, 'end'> {
  grants: GrantStore;
  signIns: SignIns;
  /** Lets something go on though nobody waits for it. */
  background(work: Promise<void>): void;
}

/** `max_age` of a provider that the settings no longer name: the setting's own default. */
const MAX_AGE_UNNAMED = 2_592_000;

/**
 * Whether an account's person still is who they were, as their sign-in provider says: at sign-in, and asked again
 * when a client refreshes its token and the last answer is older than `recheck`.
 */
export class ProviderChecks {
  private readonly questions: ProviderQuestions;

  constructor(private readonly at: ChecksHost) {
    this.questions = new ProviderQuestions({ ...at, end: () => this.end(seconds()) });
  }

  /** A way in says who the person is. `token`: what their provider is asked again by, if it gave one. */
  async signedIn(userId: string, identity: Identity, token: ProviderToken | undefined): Promise<void> {
    const { vault, storage, profile } = this.at;
    const sealed = token && (await vault.seal(userId, token));
    storage.transactionSync(() => {
      profile.save(userId, identity, seconds());
      if (hasProvider(identity)) vault.store.begin(sealed);
    });
  }

  /**
   * Whether a refresh may go on, after the provider was asked if it is time for that. Refused as `provider_said_no`:
   * all grants of this user have ended; `sign_in_too_old`: nobody could ask it for `max_age`; `provider_slow`: the
   * same, and it is being asked, so the client should try again in a moment.
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
    // Whoever has no refresh token of the grant's doesn't have the provider asked.
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
    // What was allowed with a key lives as long as the key does.
    const bounded = grant.key_id === null;
    switch (verdict) {
      case 'denied':
        await this.runMaintenance(seconds());
        return refuse('provider_said_no');
      case 'too_old':
        if (!bounded) return ok(null);
        // A browser that signed in so long ago would lead the person round in a circle.
        signIns.endOwn();
        return refuse('sign_in_too_old');
      case 'ask':
        // Not answered yet: a refusal for good would cost the client its sign-in.
        return bounded && this.judge(provider, false) === 'too_old' ? refuse('provider_slow') : ok(null);
      case 'go_on':
        return ok(null);
    }
  }

  /** Whether a code may be redeemed. Refused as `provider_said_no`: the provider has said no since. */
  checkCode(): Result<null, Refusal<'provider_said_no'>> {
    const denied = deniedBy(this.at.storage.sql, seconds()) !== undefined;
    return denied ? refuse('provider_said_no') : ok(null);
  }

  /** Ends what there is in spite of a no: one that holds from some time on, a grant made at that very moment. */
  async runMaintenance(now: number): Promise<void> {
    const { denied_at } = this.at.vault.store.row();
    if (denied_at !== null && denied_at <= now && this.at.grants.any()) await this.end(denied_at);
  }

  /** When {@link runMaintenance} has something to do, or watchers have to be told. */
  nextEnd(now: number): number | undefined {
    const { denied_at } = this.at.vault.store.row();
    return denied_at !== null && (denied_at > now || this.at.grants.any()) ? denied_at : undefined;
  }

  rewrap(): Promise<{ rewrapped: number; left: number }> {
    return this.at.vault.rewrap();
  }

  private judge(provider: OidcProvider | undefined, mayAsk = true): RecheckVerdict {
    const { sealed, retry_at, denied_at } = this.at.vault.store.row();
    return judgeRecheck({
      now: seconds(),
      answeredAt: this.at.profile.savedAt(),
      recheck: provider?.recheck ?? MAX_AGE_UNNAMED,
      maxAge: provider?.max_age ?? MAX_AGE_UNNAMED,
      askable: mayAsk && provider !== undefined && sealed !== null,
      retryAt: retry_at,
      deniedAt: denied_at,
    });
  }

  /** Ends all that this person allowed, and every browser sign-in. Their keys are refused by {@link deniedBy}. */
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

/** Whether somebody vouches for that identity who can be asked: not for a local name, a visitor or a service. */
function hasProvider({ provider }: Identity): boolean {
  return ![VISITOR, SERVICE, 'local'].includes(provider);
}

/**
 * The provider that an identity came from; undefined when the settings no longer name it. Its name may change, and so
 * may the spelling of its issuer: what is stored is the provider's own, of its ID tokens.
 */
function providerOf({ provider, issuer }: Identity, providers: readonly OidcProvider[]) {
  const same = providers.filter((one) => sameIssuer(one.issuer, issuer));
  return same.find(({ name }) => name === provider) ?? same[0];
}

import { seconds } from '../../clock';
import type { OidcProvider } from '../../config';
import { sha256Hex } from '../../crypto';
import { isIssuerOf } from '../../issuer';
import type { IssuerConfig, TokenRequest } from '../grants/grants';
import type { TokenAnswer } from '../grants/issuer';
import type { GrantStore } from '../grants/store';
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
   * Why a refresh is refused, after the provider was asked if it is time for that; undefined: it may go on.
   * `provider_said_no`: all grants of this user have ended. `sign_in_too_old`: nobody could ask it for `max_age`.
   * `provider_wants_sign_in`: it asks for the person; nothing ends. `provider_slow` (503): the same, and it is being asked.
   */
  async refuseRefresh(terms: IssuerConfig, presented: TokenRequest): Promise<TokenAnswer | undefined> {
    const { profile, grants, signIns } = this.at;
    const known = profile.identity();
    if (!known || !hasProvider(known)) return undefined;
    const grant = grants.find(presented.grantId, seconds());
    if (!grant || grant.client_id !== presented.client.client_id) return undefined;
    // Whoever has no refresh token of the grant's doesn't have the provider asked.
    const hash = await sha256Hex(presented.secret);
    if (grants.refreshToken(grant.id, hash, seconds()) === undefined) return undefined;

    const provider = providerOf(known, terms.providers);
    let verdict = this.judge(provider);
    if (verdict === 'ask' && provider) {
      const { whole, patient } = this.questions.ask(provider, terms);
      this.at.background(whole);
      await patient;
      verdict = this.judge(provider);
    }
    // What was allowed with a key lives as long as the key does.
    const bounded = grant.key_id === null;
    switch (verdict) {
      case 'denied':
        await this.runMaintenance(seconds());
        return refusal('provider_said_no');
      case 'too_old':
        if (!bounded) return undefined;
        // A browser that signed in so long ago would lead the person round in a circle.
        signIns.endOwn();
        return refusal('sign_in_too_old');
      case 'sign_in':
        if (!bounded) return undefined;
        signIns.endOwn();
        return refusal('provider_wants_sign_in');
      case 'ask':
        // Not answered yet: a refusal for good would cost the client its sign-in.
        return bounded && this.judge(provider, false) !== 'go_on' ? LATER : undefined;
      case 'go_on':
        return undefined;
    }
  }

  /** Why a code is not redeemed: the provider has said no since; undefined: it may be. */
  refuseCode(): TokenAnswer | undefined {
    const denied = deniedBy(this.at.storage.sql, seconds()) !== undefined;
    return denied ? refusal('provider_said_no') : undefined;
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
  const same = providers.filter((one) => isIssuerOf(one, issuer));
  return same.find(({ name }) => name === provider) ?? same[0];
}

/** As the token endpoint answers it (RFC 6749 section 5.2); `reason` is for the log. */
function refusal(reason: 'provider_said_no' | 'sign_in_too_old' | 'provider_wants_sign_in'): TokenAnswer {
  const error_description = 'Sign in again';
  return { status: 400, body: { error: 'invalid_grant', error_description }, reason };
}

const LATER: TokenAnswer = {
  status: 503,
  body: { error: 'temporarily_unavailable', error_description: 'Try again in a moment' },
  reason: 'provider_slow',
};

import { seconds } from '../../clock';
import type { OidcProvider } from '../../config';
import { sameIssuer } from '../../issuer';
import type { IssuerConfig } from '../grants/grants';
import type { Profile } from '../principal/profile';
import type { ClaimsReport, ProviderAnswer, ProviderAsker } from './provider';
import type { ProviderRow } from './store';
import type { ProviderVault } from './vault';

/** What {@link ProviderQuestions} needs of the object that it runs in. */
export interface QuestionsHost {
  storage: DurableObjectStorage;
  profile: Profile;
  vault: ProviderVault;
  ask: ProviderAsker;
  /** The gate's secret as a client of a provider, by the provider's name. */
  clientSecret(provider: string): string | undefined;
  /** Runs after a change was stored. */
  afterCommit(): Promise<void>;
  /** Ends everything that the person has here. */
  end(): Promise<void>;
  log(event: QuestionEvent): void;
}

interface QuestionEvent extends Partial<ClaimsReport> {
  event: 'provider_asked';
  outcome: 'ok' | 'refused' | 'failed';
  reason?: string | undefined;
  detail?: string | undefined;
}

/** What a question needs to know of the deployment. */
type Asking = Pick<IssuerConfig, 'providers' | 'local'>;

/** A question: the row before it, the token that is stored now, and whether the provider accepted the first one. */
interface Asked {
  before: ProviderRow;
  tokenId: string;
  kept: boolean;
}

/** How long a client's refresh waits for the provider, in milliseconds. Clients give up after ten seconds. */
const PATIENCE_MS = 3_000;
/** Seconds after which a provider that couldn't be asked may be asked again. */
const RETRY = 60;

/**
 * Questions to the sign-in provider, one at a time, and what its answers change. A rotated refresh token is stored before
 * the rest of an answer is read.
 */
export class ProviderQuestions {
  private underWay: { whole: Promise<void>; patient: Promise<void> } | undefined;

  constructor(private readonly at: QuestionsHost) {}

  /**
   * The question that is under way, or a new one. `whole` resolves when it is done, `patient` also after
   * {@link PATIENCE_MS}; then the question goes on in the background.
   */
  ask(provider: OidcProvider, deployment: Asking) {
    if (this.underWay) return this.underWay;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    const whole = this.question(provider, deployment).finally(() => {
      clearTimeout(timer);
      this.underWay = undefined;
    });
    this.underWay = { whole, patient: Promise.race([whole, late]) };
    return this.underWay;
  }

  private async question(provider: OidcProvider, { providers, local }: Asking): Promise<void> {
    const { vault, profile } = this.at;
    const before = vault.store.row();
    const known = profile.identity();
    if (!known || before.token_id === null) return;
    const asked: Asked = { before, tokenId: before.token_id, kept: false };
    const nothing = (reason: string) => this.conclude(asked, provider, unasked(reason));
    const opened = await vault.open(before);
    if (!opened.ok) return nothing(opened.error.reason);
    const { issuer, client_id, refresh_token } = opened.value;
    // The token is never sent to another provider, and a refusal to another client would say nothing about the person.
    if (!sameIssuer(issuer, provider.issuer) || client_id !== provider.client_id)
      return nothing('provider_changed');
    // Stored before the question is sent. If this object stops before the answer is stored, this explains later why the
    // provider doesn't accept the token any more.
    if (!vault.store.update(asked.tokenId, { asked_at: seconds() })) return;
    const keep = async (next: string | undefined) => {
      const rotated = next !== undefined && next !== refresh_token;
      if (rotated)
        asked.tokenId = await vault.replace(asked.tokenId, { issuer, client_id, refresh_token: next });
      else vault.store.update(asked.tokenId, { asked_at: null });
      asked.kept = true;
    };
    const clientSecret = this.at.clientSecret(provider.name);
    const answer = await this.at
      .ask({ provider, local, providers, clientSecret, refresh_token, known, keep })
      .catch((error) => ({ ...unasked('question_failed', String(error)), settled: false }));
    await this.conclude(asked, provider, answer);
    await vault.rewrap();
  }

  /** Does what an answer says. An answer to a question that was asked before the person's latest sign-in is ignored. */
  private async conclude(asked: Asked, provider: OidcProvider, answer: ProviderAnswer): Promise<void> {
    const { before, tokenId, kept } = asked;
    const { storage, profile, vault, afterCommit } = this.at;
    const { store } = vault;
    if (store.row().token_id !== tokenId) return;
    switch (answer.verdict) {
      case 'valid':
        storage.transactionSync(() => {
          // Silence about groups keeps them, but doesn't confirm them.
          const confirmed = answer.report.groups_state === 'known' || provider.groups_missing === 'none';
          const groups_at = confirmed ? seconds() : (before.groups_at ?? profile.savedAt());
          store.update(tokenId, { retry_at: null, sign_in_wanted_at: null, groups_at });
          profile.save(profile.userId(), answer.identity, seconds());
        });
        this.at.log({ event: 'provider_asked', outcome: 'ok', ...answer.report });
        return afterCommit();
      case 'revoked': {
        // An earlier answer was lost, perhaps with a newer token. Then the provider may think that the old one was stolen,
        // which says nothing about the person. They have one more `recheck` to sign in.
        const inDoubt = answer.reason === 'oidc_refresh_rejected' && before.asked_at !== null;
        this.log('refused', inDoubt ? 'provider_answer_lost' : answer.reason, answer.detail);
        if (!inDoubt) return this.at.end();
        storage.transactionSync(() => store.deny(seconds() + provider.recheck));
        return afterCommit();
      }
      case 'sign_in':
        store.update(tokenId, {
          retry_at: seconds() + RETRY,
          asked_at: before.asked_at,
          sign_in_wanted_at: before.sign_in_wanted_at ?? seconds(),
        });
        return this.log('refused', answer.reason, answer.detail);
      case 'unavailable': {
        const asked_at = kept ? null : answer.settled ? before.asked_at : seconds();
        store.update(tokenId, { retry_at: seconds() + RETRY, asked_at });
        this.log('failed', answer.reason, answer.detail);
      }
    }
  }

  private log(outcome: QuestionEvent['outcome'], reason?: string, detail?: string): void {
    this.at.log({ event: 'provider_asked', outcome, reason, detail });
  }
}

function unasked(reason: string, detail?: string): ProviderAnswer & { verdict: 'unavailable' } {
  return { verdict: 'unavailable', reason, detail, settled: true };
}

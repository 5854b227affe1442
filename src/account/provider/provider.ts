import type { OidcProvider } from '../../config';
import type { Identity } from '../principal/identity';

/*
 * Asking the sign-in provider again whether it still confirms a person. What talks to it is in a layer above
 * (`src/sign-in/`), and is given to the account as a {@link ProviderAsker}.
 */

/** The refresh token that a provider gave at sign-in, and for which client. Secret: stored encrypted only. */
export interface ProviderToken {
  issuer: string;
  client_id: string;
  refresh_token: string;
}

/** A question to a provider about a person. */
export interface ProviderQuestion {
  provider: OidcProvider;
  /** Local development, where a provider may be on this computer. */
  local: boolean;
  /** All of `SIGN_IN.oidc`: by now the person's address may belong to another one. */
  providers: readonly OidcProvider[];
  /** Undefined: the gate is a public client of this provider. */
  clientSecret: string | undefined;
  refresh_token: string;
  known: Identity;
  /**
   * Called when the provider has accepted the refresh token, before the rest of its answer is read. Stores the new
   * refresh token; undefined: the old one stays.
   */
  keep(refresh_token: string | undefined): Promise<void>;
}

/** What arrived with an answer, for the operator: groups, and the names of claims, but never their values. */
export interface ClaimsReport {
  groups: string[];
  /** `FoundGroups['state']` of `sign-in/oidc-groups.ts`. */
  groups_state: 'known' | 'elsewhere' | 'unreadable' | 'missing';
  claims: string[];
  /** Why userinfo, though asked, says nothing. */
  userinfo?: string | undefined;
}

/**
 * The provider's answer. `valid`: it confirms the person. `revoked`: the person may not sign in by it any more.
 * `sign_in`: it wants the person to sign in again, and nothing of theirs ends. `unavailable`: it couldn't be asked, or its
 * answer can't be trusted; `settled`: it certainly didn't rotate the refresh token. `detail` never has a secret.
 */
export type ProviderAnswer =
  | { verdict: 'valid'; identity: Identity; report: ClaimsReport }
  | { verdict: 'revoked'; reason: ProviderRevocation; detail?: string | undefined }
  | { verdict: 'sign_in'; reason: 'oidc_sign_in_required'; detail?: string | undefined }
  | { verdict: 'unavailable'; reason: string; detail?: string | undefined; settled: boolean };

/**
 * Why a person may not sign in any more. `oidc_refresh_rejected`: the provider's `invalid_grant`; `sso_required`: the
 * address belongs to another provider now; `oidc_subject_invalid`: its subject names nobody.
 */
export type ProviderRevocation = 'oidc_refresh_rejected' | 'sso_required' | 'oidc_subject_invalid';

/** Asks a provider again (OpenID Connect Core 1.0, section 12). Doesn't throw. */
export type ProviderAsker = (question: ProviderQuestion) => Promise<ProviderAnswer>;

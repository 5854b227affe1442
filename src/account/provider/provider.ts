import type { OidcProvider } from '../../config';
import type { Identity } from '../principal/identity';

/*
 * The sign-in provider, asked again whether a person is still who they were. Whoever talks to it is above this
 * room (`sign-in/`), and handed in as a {@link ProviderAsker}.
 */

/** What a provider gave at sign-in, to be asked again by, and whose it is. Secret: stored sealed only. */
export interface ProviderToken {
  issuer: string;
  client_id: string;
  refresh_token: string;
}

/** What is asked, and of whom. */
export interface ProviderQuestion {
  provider: OidcProvider;
  /** Local development, where a provider on this computer may be reached. */
  local: boolean;
  /** All of `SIGN_IN.oidc`: an address may by now belong to another one. */
  providers: readonly OidcProvider[];
  /** Undefined: the gate is a public client there. */
  clientSecret: string | undefined;
  refresh_token: string;
  known: Identity;
  /**
   * Called once the provider took the refresh token, before anything else of its answer is looked at: stores the
   * one that took its place (undefined: it stays).
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
 * What the provider says. `no`: the person may not come in by it any more. `sign_in`: it wants the person to sign in
 * again, and nothing of theirs ends. `nothing`: it couldn't be asked, or its
 * answer can't be trusted; `settled`: it is known that it didn't rotate the refresh token. Never a secret in any.
 */
export type ProviderAnswer =
  | { says: 'yes'; identity: Identity; report: ClaimsReport }
  | { says: 'no'; reason: ProviderNo; detail?: string | undefined }
  | { says: 'sign_in'; reason: 'oidc_sign_in_required'; detail?: string | undefined }
  | { says: 'nothing'; reason: string; detail?: string | undefined; settled: boolean };

/**
 * `oidc_refresh_rejected`: its `invalid_grant`; `sso_required`: the address belongs to another provider now;
 * `oidc_subject_invalid`: its subject names nobody.
 */
export type ProviderNo = 'oidc_refresh_rejected' | 'sso_required' | 'oidc_subject_invalid';

/** Asks a provider again (OpenID Connect Core 1.0, section 12). Doesn't throw. */
export type ProviderAsker = (question: ProviderQuestion) => Promise<ProviderAnswer>;

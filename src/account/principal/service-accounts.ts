import { claimAt, textOf, valuesOf } from '../../claims';
import type { Role, Settings, TrustedIssuer, TrustRule } from '../../config';
import { claimHolds } from './claims';

/*
 * Programs that act for themselves: with a trusted issuer's token, or with a client's own credentials. The settings that
 * let one in also say its role, at each request again.
 */

/** The `provider` and `issuer` of a client that acts for itself. */
export const CLIENT_PROVIDER = 'client';

/** The first rule of a trusted issuer that a token's claims satisfy; undefined: none. */
export function ruleFor(trusted: TrustedIssuer, claims: Record<string, unknown>): TrustRule | undefined {
  return trusted.rules.find((rule) => rule.claims.every((one) => claimHolds(one, claims)));
}

/** A claim's value as rules compare it; an empty object for one that they can't compare (an object, a nested list). */
type RuleClaim = string | Record<string, never>;
/** Claims by their path in a rule. */
export type RuleClaims = Record<string, RuleClaim | RuleClaim[]>;

/** The claims of a token that rules of its issuer ask for. These are stored with the grant. */
export function claimsInRules(trusted: TrustedIssuer, claims: Record<string, unknown>): RuleClaims {
  const kept: RuleClaims = {};
  for (const { claim } of trusted.rules.flatMap((rule) => rule.claims)) {
    const value = claimAt(claims, claim);
    const values = valuesOf(value).map((one): RuleClaim => textOf(one) ?? {});
    const [only] = values;
    if (only !== undefined) kept[claim] = Array.isArray(value) ? values : only;
  }
  return kept;
}

/** The role of a service account now; undefined when the settings don't let it in any more. */
export function serviceRole(
  service: { provider: string; subject: string; claims: RuleClaims },
  settings: Pick<Settings, 'clients' | 'trustedIssuers'>,
): Role | undefined {
  if (service.provider === CLIENT_PROVIDER) {
    return settings.clients.find(({ client_id }) => client_id === service.subject)?.role;
  }
  const trusted = settings.trustedIssuers.find(({ name }) => name === service.provider);
  return trusted && ruleFor(trusted, service.claims)?.role;
}

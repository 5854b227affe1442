import { claimAt, textOf, valuesOf } from '../../claims';
import type { Role, Settings, TrustedIssuer, TrustRule } from '../../config';
import { claimHolds } from './claims';

/*
 * Principals that no person signed in as: programs behind a trusted issuer's token or a client's own
 * credentials. The settings that let one in also say its role, at each request anew.
 */

/** What stands for the provider of a client that acts for itself. */
export const CLIENT_PROVIDER = 'client';

/** The rule of a trusted issuer that a token's claims fall under: the first that holds. */
export function ruleFor(trusted: TrustedIssuer, claims: Record<string, unknown>): TrustRule | undefined {
  return trusted.rules.find((rule) => rule.claims.every((one) => claimHolds(one, claims)));
}

/** A claim's value as rules compare it, or that it is one which they can't: an object, a list in a list. */
type RuleClaim = string | Record<string, never>;
/** Claims by their path in a rule. */
export type RuleClaims = Record<string, RuleClaim | RuleClaim[]>;

/** Of a token's claims those that some rule of its issuer asks for: what has to be kept. */
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

/** The role of a service now; undefined when what let it in is no longer in the settings. */
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

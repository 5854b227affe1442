import type { ClaimsReport, Identity } from '../account';
import { claimAt, textOf, valuesOf } from '../claims';
import type { OidcProvider } from '../config';
import { type Claims, findGroups, findGroupsIn } from './oidc-groups';

export type { Claims } from './oidc-groups';

/** Claims in the order in which they count. `userinfo`: why there are none of userinfo, where it was asked in vain. */
export interface ClaimSources {
  claims: Claims[];
  userinfo?: string | undefined;
}

/** Characters of a name that are kept; and of an address (RFC 5321 section 4.5.3.1.3), where a longer one is ignored. */
const LONGEST_NAME = 200;
const LONGEST_ADDRESS = 254;

/** Whether the ID token lacks a claim that userinfo may have: name, address, groups. */
export function lacksClaims(claims: Claims, groupsClaim: string | readonly string[]): boolean {
  return (
    text(claims.name) === undefined ||
    address(claims.email) === undefined ||
    claims.email_verified === undefined ||
    findGroups(claims, groupsClaim).state !== 'known'
  );
}

/** Whether claims say who somebody is, and not only which subject. */
export function namesPerson(claims: Claims): boolean {
  return text(claims.name) !== undefined || address(claims.email) !== undefined;
}

/** The identity that the claims describe. Each claim is taken from the first of the sources that has it. */
export function identityOf(
  provider: OidcProvider,
  issuer: string,
  subject: string,
  sources: readonly Claims[],
): Identity {
  const first = (claim: string) =>
    sources
      .map((claims) => text(claims[claim]))
      .find((value) => value)
      ?.slice(0, LONGEST_NAME);
  const { email, email_verified } = addressOf(sources);
  return {
    provider: provider.name,
    issuer,
    subject,
    name: first('name') ?? email ?? first('preferred_username') ?? subject,
    email,
    email_verified,
    groups: findGroupsIn(sources, provider.groups_claim).groups,
    ...ruleClaimsOf(provider, sources),
  };
}

/**
 * As {@link identityOf}, for a person who is known, when the provider is asked again. A missing claim stays as it is,
 * because many providers send fewer claims in the answer to a refresh than at sign-in. With `groups_missing = "none"`,
 * missing groups mean no groups, if there is another claim about the person.
 */
export function identityAgain(provider: OidcProvider, known: Identity, sources: readonly Claims[]): Identity {
  const lacks = (claim: string) => sources.every((claims) => text(claims[claim]) === undefined);
  const found = findGroupsIn(sources, provider.groups_claim);
  const noGroups = found.state !== 'known';
  if (noGroups && lacks('name') && lacks('email')) return { ...known, provider: provider.name };
  const now = identityOf(provider, known.issuer, known.subject, sources);
  const { email, email_verified } = lacks('email') ? known : now;
  // A name that was only the address doesn't stay.
  const name = lacks('name') && known.name !== known.email ? known.name : now.name;
  const meansNone = found.state === 'missing' && provider.groups_missing === 'none';
  return { ...now, name, email, email_verified, groups: noGroups && !meansNone ? known.groups : now.groups };
}

/** Claims of every token, which say nothing about the person. */
const PROTOCOL_CLAIMS = new Set(
  'iss sub aud exp iat nbf jti nonce azp at_hash c_hash sid auth_time acr amr'.split(' '),
);

/** The claims that rules of `ROLES` ask for, of the first source that has each. */
function ruleClaimsOf({ rule_claims: names }: OidcProvider, sources: readonly Claims[]): Partial<Identity> {
  if (!names) return {};
  const kept = names.map((name) => {
    const value = sources.map((claims) => claimAt(claims, name)).find((one) => valuesOf(one).length > 0);
    return [name, valuesOf(value).flatMap((one) => textOf(one) ?? [])] as const;
  });
  return { rule_claims: Object.fromEntries(kept.filter(([, values]) => values.length > 0)) };
}

/** What the claims of a sign-in, or of an answer to a refresh, tell the operator about groups and roles. */
export function reportClaims(provider: OidcProvider, { claims, userinfo }: ClaimSources): ClaimsReport {
  const { groups, state } = findGroupsIn(claims, provider.groups_claim);
  const names = new Set(claims.flatMap((one) => Object.keys(one)));
  return {
    groups,
    groups_state: state,
    claims: [...names].filter((name) => !PROTOCOL_CLAIMS.has(name)),
    userinfo,
  };
}

/** Address and verification come from one source: `email_verified` is about the address next to it. */
function addressOf(sources: readonly Claims[]): Pick<Identity, 'email' | 'email_verified'> {
  const withAddress = sources.filter((claims) => address(claims.email) !== undefined);
  const source = withAddress.find((claims) => claims.email_verified !== undefined) ?? withAddress[0];
  // Some providers send every claim as text (ADFS: `True`), or booleans as numbers.
  const verified = ['true', '1'].includes(String(textOf(source?.email_verified)).toLowerCase());
  return { email: address(source?.email), email_verified: verified };
}

/** A claim as text; undefined for anything else, since a provider may send any type. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function address(value: unknown): string | undefined {
  const email = text(value);
  return email !== undefined && email.length <= LONGEST_ADDRESS && !/\p{Cc}/u.test(email) ? email : undefined;
}

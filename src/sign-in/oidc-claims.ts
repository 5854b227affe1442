import type { JsonValue } from 'oauth4webapi';
import type { Identity } from '../account';
import { claimAt } from '../claims';
import type { OidcProvider } from '../config';

/** Claims of an ID token or of userinfo (OpenID Connect Core 1.0, section 5.1). */
export type Claims = Readonly<Record<string, JsonValue | undefined>>;

/** Characters of a name that are kept; and of an address (RFC 5321 section 4.5.3.1.3), where a longer one is ignored. */
const LONGEST_NAME = 200;
const LONGEST_ADDRESS = 254;

/** Whether the ID token lacks a claim that userinfo may have: name, address, groups. */
export function lacksClaims(claims: Claims, groupsClaim: string): boolean {
  return (
    text(claims.name) === undefined ||
    address(claims.email) === undefined ||
    claims.email_verified === undefined ||
    groupsOf(claims, groupsClaim) === undefined
  );
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
    groups: sources.map((claims) => groupsOf(claims, provider.groups_claim)).find((groups) => groups) ?? [],
  };
}

/**
 * As {@link identityOf}, for a person who is known, when the provider is asked again. Without any claim about the person,
 * everything stays as it is. Else a missing groups claim means no groups, because providers leave out an empty claim;
 * a missing name or address stays as it is.
 */
export function identityAgain(provider: OidcProvider, known: Identity, sources: readonly Claims[]): Identity {
  const lacks = (claim: string) => sources.every((claims) => text(claims[claim]) === undefined);
  const noGroups = sources.every((claims) => groupsOf(claims, provider.groups_claim) === undefined);
  if (noGroups && lacks('name') && lacks('email')) return { ...known, provider: provider.name };
  const now = identityOf(provider, known.issuer, known.subject, sources);
  const { email, email_verified } = lacks('email') ? known : now;
  // A name that was only the address doesn't stay.
  const name = lacks('name') && known.name !== known.email ? known.name : now.name;
  return { ...now, name, email, email_verified };
}

/**
 * The groups in a claim that is a string or an array of strings; undefined when there is no such claim.
 * `claim` is its name, dots and all (`https://acme.example/groups`), or else a path (`realm_access.roles`).
 */
export function groupsOf(claims: Claims, claim: string): string[] | undefined {
  const value = claimAt(claims, claim);
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (!Array.isArray(value)) return undefined;
  return value.filter((group): group is string => typeof group === 'string' && group !== '');
}

/** Address and verification come from one source: `email_verified` is about the address next to it. */
function addressOf(sources: readonly Claims[]): Pick<Identity, 'email' | 'email_verified'> {
  const withAddress = sources.filter((claims) => address(claims.email) !== undefined);
  const source = withAddress.find((claims) => claims.email_verified !== undefined) ?? withAddress[0];
  // Some providers send every claim as text.
  const verified = source?.email_verified === true || source?.email_verified === 'true';
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

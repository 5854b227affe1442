import type { JsonValue } from 'oauth4webapi';
import type { OidcProvider } from '../config';
import type { Identity } from './identity';

/** Claims of an ID token or of userinfo (OpenID Connect Core 1.0, section 5.1). */
export type Claims = Readonly<Record<string, JsonValue | undefined>>;

/** Whether the ID token leaves something open that userinfo may know: name, address, groups. */
export function lacksClaims(claims: Claims, groupsClaim: string): boolean {
  return (
    text(claims.name) === undefined ||
    text(claims.email) === undefined ||
    claims.email_verified === undefined ||
    groupsOf(claims, groupsClaim) === undefined
  );
}

/** The identity that the claims describe; of several sources, the first that has a claim gives it. */
export function identityOf(
  provider: OidcProvider,
  issuer: string,
  subject: string,
  sources: readonly Claims[],
): Identity {
  const first = (claim: string) => sources.map((claims) => text(claims[claim])).find((value) => value);
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
 * As {@link identityOf}, of a person who is known, when the provider is asked again. What tells of a person but says
 * nothing of their groups says that there are none (providers leave out an empty claim); of name and address silence
 * says nothing, and where nothing tells of the person at all, everything stays.
 */
export function identityAgain(provider: OidcProvider, known: Identity, sources: readonly Claims[]): Identity {
  const silent = (claim: string) => sources.every((claims) => text(claims[claim]) === undefined);
  const noGroups = sources.every((claims) => groupsOf(claims, provider.groups_claim) === undefined);
  if (noGroups && silent('name') && silent('email')) return { ...known, provider: provider.name };
  const now = identityOf(provider, known.issuer, known.subject, sources);
  const { email, email_verified } = silent('email') ? known : now;
  // A name that was an address is one no longer.
  const name = silent('name') && known.name !== known.email ? known.name : now.name;
  return { ...now, name, email, email_verified };
}

/**
 * The groups in a claim that is a string or an array of strings; undefined when there is no such claim.
 * `claim` is its name, dots and all (`https://acme.example/groups`), or else a path (`realm_access.roles`).
 */
export function groupsOf(claims: Claims, claim: string): string[] | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : at(claims, claim.split('.'));
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (!Array.isArray(value)) return undefined;
  return value.filter((group): group is string => typeof group === 'string' && group !== '');
}

/** Address and verification are taken from one source: one's `email_verified` says nothing of another's address. */
function addressOf(sources: readonly Claims[]): Pick<Identity, 'email' | 'email_verified'> {
  const withAddress = sources.filter((claims) => text(claims.email) !== undefined);
  const source = withAddress.find((claims) => claims.email_verified !== undefined) ?? withAddress[0];
  // Some providers send every claim as text.
  const verified = source?.email_verified === true || source?.email_verified === 'true';
  return { email: text(source?.email), email_verified: verified };
}

function at(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (node, step) =>
      typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[step] : undefined,
    value,
  );
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

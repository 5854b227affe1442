import type { Identity } from '../account';
import type { OidcProvider } from '../config';
import { ok, type Refusal, type Result, refuse } from '../result';

/**
 * Whether an identity may come in by the way it came. An address of a domain that is bound to a provider
 * (`domains`) is accepted from that provider only, and refused from any other, `local` included, verified
 * or not: else a name that nobody checked would pass for a colleague's on every page. From the provider
 * itself an unverified address passes, and then matches nothing. A subdomain is another domain.
 *
 * Refused as `sso_required`; `detail` is the `name` of the provider to come in by.
 */
export function checkDomain(
  identity: Pick<Identity, 'provider' | 'email'>,
  providers: readonly OidcProvider[],
): Result<void, Refusal<'sso_required'>> {
  const domain = identity.email === undefined ? undefined : domainOf(identity.email);
  if (domain === undefined) return ok(undefined);
  const binding = providers.filter(({ domains }) => domains.some((bound) => normalise(bound) === domain));
  const [first] = binding;
  if (first === undefined || binding.some(({ name }) => name === identity.provider)) return ok(undefined);
  return refuse('sso_required', first.name);
}

function domainOf(email: string): string | undefined {
  const at = email.lastIndexOf('@');
  return at < 0 ? undefined : normalise(email.slice(at + 1));
}

/** One spelling per domain: lower case, IDNA, no root dot. A URL's host is read the same way. */
function normalise(domain: string): string {
  const url = `http://${domain.trim()}`;
  return (URL.canParse(url) ? new URL(url).hostname : domain.toLowerCase()).replace(/\.$/, '');
}

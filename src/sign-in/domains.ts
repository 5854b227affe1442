import type { Identity } from '../account';
import type { OidcProvider } from '../config';
import { ok, type Refusal, type Result, refuse } from '../result';

/**
 * Whether an identity may sign in by the method it used. An address of a domain that is bound to a provider (`domains`)
 * is accepted from that provider only, verified or not; from any other method, `local` too, an address that nobody
 * checked would look like a colleague's on every page. From the provider itself an unverified address is accepted, and
 * then matches no rule. A subdomain is another domain.
 *
 * Refused as `sso_required`; `detail` is the `name` of the provider to sign in with.
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

/** One spelling for each domain, that of a URL's host: lower case, IDNA, without the root dot. */
function normalise(domain: string): string {
  const url = `http://${domain.trim()}`;
  return (URL.canParse(url) ? new URL(url).hostname : domain.toLowerCase()).replace(/\.$/, '');
}

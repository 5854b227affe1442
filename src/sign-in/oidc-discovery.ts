import * as oauth from 'oauth4webapi';
import { isolateCache } from '../caches';
import type { OidcProvider } from '../config';
import { isLoopbackHost } from '../hosts';
import { canonicalIssuer, isDocumentOf, isIssuerOf } from '../issuer';
import { type OutboundRefusal, outboundFetch, responseOf } from '../outbound-fetch';
import { ok, refuse } from '../result';
import { attempt, type OidcRefusal, type OidcResult, ProviderFailure } from './oidc-refusals';

type FetchOptions = oauth.CustomFetchOptions<string, URLSearchParams | null | undefined>;

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 256 * 1024;

/** Metadata by canonical issuer. oauth4webapi keeps the JWKS of each for 5 minutes, or until a new `kid` comes. */
const documents = isolateCache<oauth.AuthorizationServer>('signInProviders');

/** A sign-in provider. `local`: whether this is local development, where it may be on this computer. */
export interface ReachedProvider {
  provider: OidcProvider;
  local: boolean;
}

/**
 * The provider's metadata (OpenID Connect Discovery 1.0, section 4), at most 10 minutes old. Its `issuer` is the
 * configured one, in any spelling; ID tokens must have the spelling of the metadata. Its endpoints are https, or
 * on this computer where a setting says so. Refused when it can't be fetched, or has no usable endpoint.
 */
export async function discover(reached: ReachedProvider): Promise<OidcResult<oauth.AuthorizationServer>> {
  const { provider } = reached;
  const key = keyOf(provider);
  const known = documents().get(key);
  if (known) return ok(known);
  const found = await attempt('oidc_metadata_invalid', async () => {
    const response = await requestDocument(reached);
    return oauth.processDiscoveryResponse(await spellingIn(response, provider), response);
  });
  if (!found.ok) return found;
  for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    if (mayReachProvider(reached, found.value[endpoint])) continue;
    return refuse('oidc_metadata_invalid', `"${endpoint}" is missing, or no https URL`);
  }
  documents().set(key, found.value);
  return found;
}

/**
 * The same metadata as a new object, which takes the place of the old one: oauth4webapi keeps the keys of a provider by
 * the object, and fetches those of a new one.
 */
export function withoutKeys(as: oauth.AuthorizationServer): oauth.AuthorizationServer {
  const copy = { ...as };
  const cache = documents();
  for (const key of cache.keys()) if (cache.get(key) === as) cache.set(key, copy);
  return copy;
}

/** The document at `discovery_url` (Azure AD B2C has one for each policy), else where the issuer has it. */
function requestDocument(reached: ReachedProvider): Promise<Response> {
  const { issuer, discovery_url } = reached.provider;
  if (discovery_url === undefined)
    return oauth.discoveryRequest(new URL(canonicalIssuer(issuer)), httpOptions(reached));
  return askProvider(reached, discovery_url, { method: 'GET', headers: { accept: 'application/json' } });
}

/** Providers with the same issuer may have documents of their own, and tenants. */
function keyOf({ issuer, discovery_url = '', tenants = [] }: OidcProvider): string {
  return [canonicalIssuer(issuer), discovery_url, ...tenants].join(' ');
}

/**
 * The metadata for a token or callback of this issuer, which for a provider of many tenants is that of one of them.
 * `iss` isn't verified yet: oauth4webapi compares it with the issuer of what this returns.
 */
export function metadataFor(
  { provider, as }: { provider: OidcProvider; as: oauth.AuthorizationServer },
  iss: unknown,
): oauth.AuthorizationServer {
  if (!provider.tenants || typeof iss !== 'string' || !isIssuerOf(provider, iss)) return as;
  // The same object each time: oauth4webapi keeps the provider's keys with it.
  const key = `${keyOf(provider)} ${iss}`;
  const known = documents().get(key);
  if (known) return known;
  const own = { ...as, issuer: iss };
  documents().set(key, own);
  return own;
}

/** The issuer to compare the document with: in the document's spelling if it is the same one, else in the setting's. */
async function spellingIn(response: Response, provider: OidcProvider): Promise<URL> {
  const document: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  const named = (document as { issuer?: unknown } | null | undefined)?.issuer;
  const isSame = typeof named === 'string' && URL.canParse(named) && isDocumentOf(provider, named);
  return new URL(isSame ? named : canonicalIssuer(provider.issuer));
}

/**
 * How oauth4webapi reaches this provider: by {@link outboundFetch}. In local development the origin of the
 * configured issuer may be on this computer, by http too.
 */
export function httpOptions(reached: ReachedProvider) {
  return {
    // Whether http is allowed is decided by the `fetch` below.
    [oauth.allowInsecureRequests]: loopbackOrigins(reached).length > 0,
    // A closure per call: oauth4webapi joins JWKS requests that share a fetch, and a promise that
    // belongs to another request's context is not to be waited for in a Worker.
    [oauth.customFetch]: (url: string, options: FetchOptions) => askProvider(reached, url, options),
  };
}

const REASONS: Partial<Record<OutboundRefusal, OidcRefusal>> = {
  url_forbidden: 'oidc_metadata_invalid',
  too_large: 'oidc_too_large',
};

/** A `fetch` for oauth4webapi: the provider's answer, unless it is a redirect or says that it can't answer now. */
async function askProvider(
  reached: ReachedProvider,
  url: string,
  options: Pick<FetchOptions, 'method'> & { headers: HeadersInit; body?: FetchOptions['body'] },
): Promise<Response> {
  const { origin, pathname } = new URL(url);
  const { method, headers, body = null } = options;
  const loopback = loopbackOrigins(reached);
  const policy = { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, statuses: 'any', loopback } as const;
  const sent = await outboundFetch(url, policy, { method, headers, body });
  if (!sent.ok) {
    const { reason, detail = '' } = sent.error;
    throw new ProviderFailure(
      REASONS[reason] ?? 'oidc_unreachable',
      `${origin}${pathname}: ${reason} ${detail}`,
    );
  }
  const { status } = sent.value;
  const failed = (reason: OidcRefusal) =>
    new ProviderFailure(reason, `${origin}${pathname} answered ${status}`, status);
  if (status >= 300 && status < 400) throw failed('oidc_redirected');
  if (status >= 500 || status === 429) throw failed('oidc_unreachable');
  return responseOf(sent.value);
}

/** Whether an endpoint is one that a browser or the gate may be sent to: https, or a local one that a setting names. */
export function mayReachProvider(reached: ReachedProvider, endpoint: unknown): boolean {
  const url = typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  return url?.protocol === 'https:' || loopbackOrigins(reached).includes(url?.origin ?? '');
}

/** The origin on this computer that the setting names; none outside of local development. */
function loopbackOrigins({ provider, local }: ReachedProvider): string[] {
  const { origin, hostname } = new URL(provider.issuer);
  return local && isLoopbackHost(hostname) ? [origin] : [];
}

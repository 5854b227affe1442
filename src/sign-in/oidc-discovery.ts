import * as oauth from 'oauth4webapi';
import { isLoopbackHost, type OidcProvider } from '../config';
import { ok, refuse } from '../result';
import { attempt, type OidcResult, OutboundFailure } from './oidc-refusals';

type FetchOptions = oauth.CustomFetchOptions<string, URLSearchParams | null | undefined>;

const TIMEOUT_MS = 10_000;
const CACHE_MS = 600_000;

/**
 * Documents by configured issuer, per isolate. oauth4webapi keeps each one's JWKS for 5 minutes, and
 * fetches it anew for a `kid` that isn't in it.
 */
const documents = new Map<string, { as: oauth.AuthorizationServer; until: number }>();

/**
 * The provider's metadata (OpenID Connect Discovery 1.0, section 4), at most 10 minutes old. Its `issuer`
 * is the configured one, its authorization endpoint a URL that a browser may be sent to.
 */
export async function discover(provider: OidcProvider): Promise<OidcResult<oauth.AuthorizationServer>> {
  const known = documents.get(provider.issuer);
  if (known && known.until > Date.now()) return ok(known.as);
  const issuer = new URL(provider.issuer);
  const found = await attempt('oidc_metadata_invalid', async () =>
    oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, httpOptions(provider))),
  );
  if (!found.ok) return found;
  for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    if (mayFetch(provider, found.value[endpoint])) continue;
    return refuse('oidc_metadata_invalid', `"${endpoint}" is missing, or no https URL`);
  }
  documents.set(provider.issuer, { as: found.value, until: Date.now() + CACHE_MS });
  return found;
}

/**
 * How oauth4webapi reaches this provider: https, http only when the configured issuer itself is http on
 * loopback and then only to loopback, no redirect followed, 10 s for the whole answer.
 */
export function httpOptions(provider: OidcProvider) {
  return {
    [oauth.allowInsecureRequests]: isPlainHttp(provider),
    // A closure per call: oauth4webapi joins JWKS requests that share a fetch, and a promise that
    // belongs to another request's context is not to be waited for in a Worker.
    [oauth.customFetch]: (url: string, options: FetchOptions) => outboundFetch(provider, url, options),
  };
}

async function outboundFetch(provider: OidcProvider, url: string, options: FetchOptions): Promise<Response> {
  const { origin, pathname } = new URL(url);
  if (!mayFetch(provider, url)) {
    throw new OutboundFailure('oidc_metadata_invalid', `${origin} is not reached by https`);
  }
  const { response, body } = await read(url, options).catch(() => {
    throw new OutboundFailure('oidc_unreachable', `${origin}${pathname} didn't answer`);
  });
  const failed = (reason: OutboundFailure['reason']) =>
    new OutboundFailure(reason, `${origin}${pathname} answered ${response.status}`, response.status);
  if (response.status >= 300 && response.status < 400) throw failed('oidc_redirected');
  if (response.status >= 500 || response.status === 429) throw failed('oidc_unreachable');
  const headers = new Headers(response.headers);
  // The body is decoded by now.
  headers.delete('content-encoding');
  return new Response(body.byteLength > 0 ? body : null, { status: response.status, headers });
}

/** Reads the body too, so that an answer which breaks off is told from one that is wrong. */
async function read(url: string, { method, headers, body = null }: FetchOptions) {
  const response = await fetch(url, {
    method,
    // Common firewalls answer 403 to requests without a User-Agent, and Workers send none.
    headers: { ...headers, 'user-agent': 'Gatehouse' },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return { response, body: await response.arrayBuffer() };
}

function mayFetch(provider: OidcProvider, endpoint: unknown): boolean {
  const url = typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol === 'https:') return true;
  return url?.protocol === 'http:' && isPlainHttp(provider) && isLoopbackHost(url.hostname);
}

function isPlainHttp(provider: OidcProvider): boolean {
  const { protocol, hostname } = new URL(provider.issuer);
  return protocol === 'http:' && isLoopbackHost(hostname);
}

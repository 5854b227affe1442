import {
  type AuthorizationServerMetadata,
  checkResourceAllowed,
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  IssuerMismatchError,
  type OAuthProtectedResourceMetadata,
  resourceUrlFromServerUrl,
} from '@modelcontextprotocol/client';
import type { Deployment, ServerSetting } from '../../config';
import { sameIssuer } from '../../issuer';
import { outboundFetch } from '../../outbound-fetch';
import { serverResource } from '../../resource';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { quotable } from '../../secret-text';
import { documentFetch, loopbackOrigins, ProviderFetchError, providerSettingsOf } from '../../upstream';
import { type Challenge, readBearerChallenge } from './challenge';
import { readResourceMetadata, readServerMetadata } from './documents';
import { findForeignEndpoint } from './endpoints';
import { behaviorOf } from './profiles';

/** The authorization server of an MCP server, and what to request there. Plain data: it is kept in the transaction. */
export interface Provider {
  /** Undefined: the settings name the endpoints, and no issuer. */
  issuer: string | undefined;
  authorization_endpoint: string;
  token_endpoint: string;
  revocation_endpoint?: string | undefined;
  registration_endpoint?: string | undefined;
  token_endpoint_auth_methods_supported?: string[] | undefined;
  /** Its redirects carry `iss` (RFC 9207). */
  tellsIssuer: boolean;
  /** It accepts client metadata documents instead of a registration. */
  takesDocuments: boolean;
  /** The resource that tokens are requested for (RFC 8707). */
  resource: string;
  scope: string | undefined;
  /** Whether `offline_access` in it is the gate's own wish. Undefined: no, or begun before this was kept. */
  adds_offline_access?: boolean;
}

/** Why a server's provider isn't known. `provider_unavailable` may pass; the others are for the operator to fix. */
export type DiscoveryRefusal =
  | 'provider_unavailable'
  | 'provider_unknown'
  | 'provider_metadata_invalid'
  | 'resource_mismatch'
  | 'pkce_unsupported';

type Discovered<T> = Result<T, Refusal<DiscoveryRefusal>>;

const TIMEOUT_MS = 10_000;
/** In characters: the scope becomes part of a URL. */
const LONGEST_SCOPE = 4096;
/** Authorization servers that are asked at most, while a person waits. */
const MOST_ASKED = 3;

/**
 * Finds where a person connects to a server: the endpoints of the settings; else what the server's own challenge leads
 * to (RFC 9728, then RFC 8414 or OpenID Connect Discovery), or the authorization server that the settings name.
 */
export async function findProvider(
  deployment: Deployment,
  server: ServerSetting,
): Promise<Discovered<Provider>> {
  const { authorize_url, token_url, url } = server;
  if (authorize_url !== undefined && token_url !== undefined) {
    return ok(fixedProvider(deployment, server, authorize_url, token_url));
  }
  if (url === undefined) return refuse('provider_unknown', 'it has no url');
  const loopback = loopbackOrigins(deployment, server);
  const challenge = await readChallenge(url, loopback);
  if (!challenge.ok) return challenge;
  const described = await attempt(() => describeResource(url, challenge.value.resourceMetadataUrl, loopback));
  if (!described.ok) return described;
  const resource = described.value;
  const fits = {
    requestedResource: resourceUrlFromServerUrl(url),
    configuredResource: resource?.resource ?? url,
  };
  if (!checkResourceAllowed(fits)) return refuse('resource_mismatch', resource?.resource);

  const named = nameAuthorizationServers(server, resource);
  if (!named.ok) return named;
  const found = await findMetadata(named.value, server.issuer_alias, loopback);
  if (!found.ok) return found;
  const metadata = found.value;
  for (const name of ['authorization_endpoint', 'token_endpoint'] as const) {
    if (!isSafe(metadata[name], loopback)) return refuse('provider_metadata_invalid', name);
  }
  const foreign = await findForeignEndpoint(metadata, loopback);
  if (foreign) return refuse('provider_metadata_invalid', `${foreign} of another authorization server`);
  // MCP, "Authorization Code Protection": a client must not go on without it.
  const { pkce } = behaviorOf(providerSettingsOf(server), metadata.token_endpoint);
  if (!pkce && !metadata.code_challenge_methods_supported?.includes('S256'))
    return refuse('pkce_unsupported');
  const { scope, adds_offline_access } = chooseScope(
    server.scopes,
    challenge.value.scope,
    resource,
    metadata,
  );
  if (scope !== undefined && scope.length > LONGEST_SCOPE)
    return refuse('provider_metadata_invalid', 'scope');
  const provider = discoveredProvider(metadata, resource?.resource ?? url, scope);
  return ok({ ...provider, adds_offline_access });
}

function fixedProvider(
  deployment: Deployment,
  server: ServerSetting,
  authorize_url: string,
  token_url: string,
): Provider {
  const { revoke_url, url, authorization_servers: [issuer, ...others] = [] } = server;
  return {
    issuer: others.length === 0 ? issuer : undefined,
    authorization_endpoint: authorize_url,
    token_endpoint: token_url,
    revocation_endpoint: revoke_url,
    tellsIssuer: false,
    takesDocuments: false,
    resource: url ?? serverResource(deployment, server).url,
    scope: server.scopes,
  };
}

function discoveredProvider(
  metadata: AuthorizationServerMetadata,
  resource: string,
  scope: string | undefined,
): Provider {
  const { registration_endpoint } = metadata;
  // The SDK's schema of an OpenID provider has no type for it.
  const { revocation_endpoint } = metadata as { revocation_endpoint?: unknown };
  return {
    issuer: metadata.issuer,
    authorization_endpoint: metadata.authorization_endpoint,
    token_endpoint: metadata.token_endpoint,
    revocation_endpoint: typeof revocation_endpoint === 'string' ? revocation_endpoint : undefined,
    registration_endpoint,
    token_endpoint_auth_methods_supported: metadata.token_endpoint_auth_methods_supported,
    tellsIssuer: metadata.authorization_response_iss_parameter_supported === true,
    takesDocuments: metadata.client_id_metadata_document_supported === true,
    resource,
    scope,
  };
}

/** The server's challenge to a request without a credential: where its metadata is, and which scope it wants. */
async function readChallenge(url: string, loopback: readonly string[]): Promise<Discovered<Challenge>> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
  };
  const policy = { maxBytes: 0, timeoutMs: TIMEOUT_MS, statuses: 'any', loopback } as const;
  const sent = await outboundFetch(url, policy, request);
  if (!sent.ok) return refuse('provider_unavailable', `the server: ${sent.error.reason}`);
  const { status, headers } = sent.value;
  if (status >= 500) return refuse('provider_unavailable', `the server: ${status}`);
  // There should be a challenge; without one, the metadata at the well-known URLs is looked for all the same.
  return ok(status === 401 ? await readBearerChallenge(headers.get('www-authenticate')) : {});
}

/** Protected resource metadata (RFC 9728); undefined when the server has none. */
async function describeResource(
  url: string,
  resourceMetadataUrl: URL | undefined,
  loopback: readonly string[],
): Promise<OAuthProtectedResourceMetadata | undefined> {
  let missing = false;
  const send = documentFetch(loopback, readResourceMetadata);
  const fetchFn = async (at: string | URL, init?: RequestInit) => {
    const response = await send(at, init);
    missing = !response.ok;
    return response;
  };
  const options = resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl };
  try {
    return await discoverOAuthProtectedResourceMetadata(url, options, fetchFn);
  } catch (error) {
    if (missing && resourceMetadataUrl === undefined) return undefined;
    throw error;
  }
}

/** Those that both the settings and the server name, else all that it names, else its own origin (2025-03-26). */
function nameAuthorizationServers(
  { authorization_servers: allowed, url = '' }: ServerSetting,
  resource: OAuthProtectedResourceMetadata | undefined,
): Discovered<string[]> {
  const offered = resource?.authorization_servers ?? [];
  if (!allowed) return ok(offered.length > 0 ? offered : [new URL('/', url).href]);
  if (offered.length === 0) return ok(allowed);
  const both = offered.filter((issuer) => allowed.some((one) => sameIssuer(one, issuer)));
  if (both.length > 0) return ok(both);
  return refuse('provider_metadata_invalid', 'the server names none of authorization_servers');
}

/**
 * The metadata of the first that has any, in the server's order; when none has, the refusal of the first. Its issuer
 * must be the one that was asked (RFC 8414 section 3.3), or `alias`, which the operator trusts.
 */
async function findMetadata(
  issuers: readonly string[],
  alias: string | undefined,
  loopback: readonly string[],
): Promise<Discovered<AuthorizationServerMetadata>> {
  let refused: Discovered<never> | undefined;
  for (const issuer of issuers.slice(0, MOST_ASKED)) {
    const found = await attempt(async () => {
      const fetchFn = documentFetch(loopback, readServerMetadata);
      const metadata = await discoverAuthorizationServerMetadata(issuer, {
        fetchFn,
        skipIssuerValidation: true,
      });
      if (!metadata || metadata.issuer === alias || isIssuerOf(metadata, issuer)) return metadata;
      throw new IssuerMismatchError('metadata', issuer, metadata.issuer);
    });
    if (found.ok && found.value) return ok(found.value);
    refused ??= found.ok ? refuse('provider_unknown', 'no metadata at the authorization server') : found;
  }
  return refused ?? refuse('provider_unknown', 'it names no authorization server');
}

/** RFC 8414 section 3.3; a slash at the end of the URL that was asked makes no difference, as in the SDK. */
function isIssuerOf({ issuer }: AuthorizationServerMetadata, asked: string): boolean {
  return issuer === asked || `${issuer}/` === asked;
}

/** MCP, "Communication Security": https, except in local development; RFC 6749 section 3.1: no fragment. */
function isSafe(endpoint: string, loopback: readonly string[]): boolean {
  const { protocol, origin, username, password, hash } = new URL(endpoint);
  return username + password + hash === '' && (protocol === 'https:' || loopback.includes(origin));
}

/** MCP, "Scope Selection Strategy"; with `offline_access`, for a refresh token, where the provider lists it. */
function chooseScope(
  configured: string | undefined,
  challenged: string | undefined,
  resource: OAuthProtectedResourceMetadata | undefined,
  metadata: AuthorizationServerMetadata,
): { scope: string | undefined; adds_offline_access: boolean } {
  if (configured !== undefined) return { scope: configured, adds_offline_access: false };
  const listed = resource?.scopes_supported?.join(' ');
  const scopes = (challenged ?? listed ?? '').split(' ').filter((scope) => scope !== '');
  const offline = metadata.scopes_supported?.includes('offline_access') === true;
  const adds_offline_access = offline && !scopes.includes('offline_access');
  if (adds_offline_access) scopes.push('offline_access');
  return { scope: scopes.length > 0 ? scopes.join(' ') : undefined, adds_offline_access };
}

async function attempt<T>(step: () => Promise<T>): Promise<Discovered<T>> {
  try {
    return ok(await step());
  } catch (error) {
    if (error instanceof ProviderFetchError) {
      const forbidden = error.reason === 'url_forbidden';
      return refuse(forbidden ? 'provider_metadata_invalid' : 'provider_unavailable', error.reason);
    }
    if (error instanceof IssuerMismatchError)
      return refuse('provider_metadata_invalid', `issuer ${quotable(error.received ?? '')}`);
    return refuse('provider_metadata_invalid', error instanceof Error ? error.name : undefined);
  }
}

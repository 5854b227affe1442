import {
  type AuthorizationServerMetadata,
  exchangeAuthorization,
  OAuthError,
  type OAuthTokens,
  refreshAuthorization,
  selectClientAuthMethod,
} from '@modelcontextprotocol/client';
import {
  type Connector,
  isSendable,
  type OAuthCredential,
  type ProviderClient,
  type RefreshRefusal,
  type TokenProvider,
} from '../../account';
import { seconds } from '../../clock';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { ProviderFetchError, providerFetch, tokenFetch } from '../../upstream';

/* Token, refresh and revocation requests at the authorization server of an MCP server. */

/** Error codes that mean that a refresh token, or what was requested with it, won't work again. */
const FOR_GOOD = new Set([
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  // GitHub's code for invalid_grant.
  'bad_refresh_token',
]);

/** How an `Account` renews and revokes its connections: handed to it in `src/index.ts`. Doesn't throw. */
export const oauthConnector: Connector = {
  async refresh(credential, { loopback, clientSecret }) {
    const { refresh_token: refreshToken = '', provider, client, resource } = credential;
    try {
      const tokens = await refreshAuthorization(provider.token_endpoint, {
        metadata: metadataOf(provider),
        clientInformation: clientInformation(client, clientSecret),
        refreshToken,
        resource,
        fetchFn: tokenFetch(loopback),
      });
      const unusable = unusableMember(tokens);
      if (unusable) return refuse('provider_unavailable', `${unusable} invalid`);
      return ok({ ...credential, ...tokensOf(tokens, credential) });
    } catch (error) {
      return { ok: false, error: judgeFailure(error, client) };
    }
  },

  async revoke(credential, { loopback, clientSecret }) {
    const { provider, client, refresh_token, access_token } = credential;
    if (provider.revocation_endpoint === undefined) return false;
    const token = refresh_token ?? access_token;
    const token_type_hint = refresh_token === undefined ? 'access_token' : 'refresh_token';
    const body = new URLSearchParams({ token, token_type_hint });
    const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' });
    try {
      authenticate({ headers, body }, client, clientSecret, provider);
      const send = providerFetch(loopback);
      const { ok: done } = await send(provider.revocation_endpoint, { method: 'POST', headers, body });
      return done;
    } catch {
      return false;
    }
  },
};

/** What a code is exchanged with (RFC 6749 section 4.1.3, RFC 7636). */
export interface CodeExchange {
  server: string;
  code: string;
  code_verifier: string;
  redirect_uri: string;
  resource: string;
  provider: TokenProvider;
  client: ProviderClient;
}

export type ExchangeRefusal = 'provider_refused' | 'provider_unavailable' | 'client_rejected';

/** Exchanges a code for tokens. `clientSecret`: of a configured client, or the one it was registered with. */
export async function exchangeCode(
  { server, code, code_verifier, redirect_uri, resource, provider, client }: CodeExchange,
  options: { loopback: readonly string[]; clientSecret: string | undefined },
): Promise<Result<OAuthCredential, Refusal<ExchangeRefusal>>> {
  try {
    const tokens = await exchangeAuthorization(provider.token_endpoint, {
      metadata: metadataOf(provider),
      clientInformation: clientInformation(client, options.clientSecret),
      authorizationCode: code,
      codeVerifier: code_verifier,
      redirectUri: redirect_uri,
      resource,
      fetchFn: tokenFetch(options.loopback),
    });
    const unusable = unusableMember(tokens);
    if (unusable) return refuse('provider_refused', `${unusable} invalid`);
    const credential = { auth: 'oauth', server, resource, provider, client } as const;
    return ok({ ...credential, ...tokensOf(tokens) });
  } catch (error) {
    const { reason, detail } = judgeFailure(error, client);
    // There is no connection to lose yet: any answer without tokens is a refusal.
    if (error instanceof ProviderFetchError) return refuse('provider_unavailable', detail);
    return refuse(reason === 'client_rejected' ? reason : 'provider_refused', detail);
  }
}

/**
 * The member of a token response that can't be used, if there is one: a token that fits no header (RFC 6750 section
 * 2.1, RFC 6749 appendix A.17), or a type that isn't sent as a bearer token is.
 */
function unusableMember({ access_token, refresh_token, token_type }: OAuthTokens): string | undefined {
  if (!isSendable(`Bearer ${access_token}`) || access_token.includes(' ')) return 'access_token';
  if (refresh_token !== undefined && !isSendable(refresh_token)) return 'refresh_token';
  return token_type.toLowerCase() === 'bearer' ? undefined : 'token_type';
}

/** The members of a token response that are kept; those that a refresh leaves out stay as they were. */
function tokensOf(tokens: OAuthTokens, before?: OAuthCredential) {
  const { access_token, expires_in, refresh_token, scope } = tokens;
  return {
    access_token,
    refresh_token: refresh_token ?? before?.refresh_token,
    expires_at: expires_in === undefined ? undefined : seconds() + expires_in,
    scope: scope ?? before?.scope,
  };
}

/**
 * Whether a failure is final or may pass, by its error code alone, because a provider may change its texts. A wrong
 * secret of a configured client is the operator's to fix: no connection ends for it.
 */
function judgeFailure(
  error: unknown,
  { kind }: ProviderClient,
): Refusal<RefreshRefusal> & { retry_after?: number; answered?: boolean } {
  if (error instanceof ProviderFetchError) {
    const { reason: detail, retryAfter, answered } = error;
    const after = retryAfter === undefined ? {} : { retry_after: retryAfter };
    return { reason: 'provider_unavailable', detail, ...after, answered };
  }
  if (!(error instanceof OAuthError)) return { reason: 'provider_unavailable', detail: 'answer_invalid' };
  const code = String(error.code);
  if (FOR_GOOD.has(code)) return { reason: 'refresh_rejected', detail: code };
  if (code !== 'invalid_client') return { reason: 'provider_unavailable', detail: 'answer_unknown' };
  if (kind !== 'configured') return { reason: 'client_rejected', detail: code };
  return { reason: 'provider_unavailable', detail: code, retry_after: 60, answered: true };
}

/** The metadata that the SDK needs for token requests. */
function metadataOf(provider: TokenProvider): AuthorizationServerMetadata {
  const { token_endpoint, token_endpoint_auth_methods_supported: methods } = provider;
  return {
    issuer: token_endpoint,
    authorization_endpoint: token_endpoint,
    token_endpoint,
    response_types_supported: ['code'],
    ...(methods === undefined ? {} : { token_endpoint_auth_methods_supported: methods }),
  };
}

function clientInformation(client: ProviderClient, secret: string | undefined) {
  const { client_id, token_endpoint_auth_method: method } = client;
  return {
    client_id,
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
    redirect_uris: [],
  };
}

/** Client authentication of a revocation request (RFC 7009 section 2.1), which the SDK has no function for. */
function authenticate(
  { headers, body }: { headers: Headers; body: URLSearchParams },
  client: ProviderClient,
  secret: string | undefined,
  { token_endpoint_auth_methods_supported: methods = [] }: TokenProvider,
): void {
  const method = selectClientAuthMethod(clientInformation(client, secret), methods);
  if (method === 'client_secret_basic' && secret !== undefined) {
    headers.set('authorization', `Basic ${btoa(`${client.client_id}:${secret}`)}`);
    return;
  }
  body.set('client_id', client.client_id);
  if (method === 'client_secret_post' && secret !== undefined) body.set('client_secret', secret);
}

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

/* Token, refresh and revocation requests at the authorization server of a server behind. */

/** Codes by which a provider says that a refresh token, or what was asked with it, is worth nothing any more. */
const FOR_GOOD = new Set([
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  // GitHub's word for invalid_grant.
  'bad_refresh_token',
]);

/** The connector that the `Account` is given. */
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
      authenticate(client, clientSecret, provider, headers, body);
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
    // There is nothing to lose yet: whatever it answered but tokens is a no.
    if (error instanceof ProviderFetchError) return refuse('provider_unavailable', detail);
    return refuse(reason === 'client_rejected' ? reason : 'provider_refused', detail);
  }
}

/**
 * What of an answer can't be used: a token that fits no header (RFC 6750 section 2.1; a refresh token, RFC 6749
 * appendix A.17, fits one too), or of a type that isn't sent as a bearer token is.
 */
function unusableMember({ access_token, refresh_token, token_type }: OAuthTokens): string | undefined {
  if (!isSendable(`Bearer ${access_token}`) || access_token.includes(' ')) return 'access_token';
  if (refresh_token !== undefined && !isSendable(refresh_token)) return 'refresh_token';
  return token_type.toLowerCase() === 'bearer' ? undefined : 'token_type';
}

/** What of an answer is kept; what a refresh doesn't send again stays as it was. */
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
 * Whether a failure is for good or may pass: by its code alone, since texts are the provider's to change. A
 * configured client's wrong secret is the operator's to mend, and no reason to lose anybody's connection.
 */
function judgeFailure(
  error: unknown,
  { kind }: ProviderClient,
): Refusal<RefreshRefusal> & { retry_after?: number; answered?: boolean } {
  if (error instanceof ProviderFetchError) {
    const { reason: detail, retryAfter, answered } = error;
    const told = retryAfter === undefined ? {} : { retry_after: retryAfter };
    return { reason: 'provider_unavailable', detail, ...told, answered };
  }
  if (!(error instanceof OAuthError)) return { reason: 'provider_unavailable', detail: 'answer_invalid' };
  const code = String(error.code);
  if (FOR_GOOD.has(code)) return { reason: 'refresh_rejected', detail: code };
  if (code !== 'invalid_client') return { reason: 'provider_unavailable', detail: 'answer_unknown' };
  if (kind !== 'configured') return { reason: 'client_rejected', detail: code };
  return { reason: 'provider_unavailable', detail: code, retry_after: 60, answered: true };
}

/** As much of the provider's metadata as the SDK's token requests look at. */
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
  client: ProviderClient,
  secret: string | undefined,
  { token_endpoint_auth_methods_supported: methods = [] }: TokenProvider,
  headers: Headers,
  body: URLSearchParams,
): void {
  const method = selectClientAuthMethod(clientInformation(client, secret), methods);
  if (method === 'client_secret_basic' && secret !== undefined) {
    headers.set('authorization', `Basic ${btoa(`${client.client_id}:${secret}`)}`);
    return;
  }
  body.set('client_id', client.client_id);
  if (method === 'client_secret_post' && secret !== undefined) body.set('client_secret', secret);
}

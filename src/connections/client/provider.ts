import {
  type AuthorizationServerMetadata,
  exchangeAuthorization,
  OAuthError,
  OAuthErrorCode,
  type OAuthTokens,
  refreshAuthorization,
} from '@modelcontextprotocol/client';
import {
  type Connector,
  type ConnectorOptions,
  isSendable,
  type OAuthCredential,
  type ProviderClient,
  type RefreshRefusal,
  type TokenProvider,
} from '../../account';
import { seconds } from '../../clock';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { quotable } from '../../secret-text';
import { ProviderFetchError, providerFetch, readTokenAnswer, tokenFetch } from '../../upstream';
import { behaviorOf, type ProviderBehavior } from '../discovery/profiles';
import { authenticationOf, sendAs } from './authentication';

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
  // Slack's: https://docs.slack.dev/reference/methods/oauth.v2.access (2026-11).
  'invalid_refresh_token',
]);

/**
 * Types of tokens that are sent as bearer tokens (RFC 6750). Slack names whose token it is instead:
 * https://docs.slack.dev/reference/methods/oauth.v2.access (2026-11).
 */
const BEARER_TYPES = new Set(['bearer', 'user', 'bot']);

/** How an `Account` renews and revokes its connections: handed to it in `src/index.ts`. Doesn't throw. */
export const oauthConnector: Connector = {
  async refresh(credential, { loopback, clientSecret, requests }) {
    const { refresh_token: refreshToken = '', provider, client, resource } = credential;
    const behavior = behaviorOf(requests, provider.token_endpoint);
    const authentication = authenticationOf(client, clientSecret, provider, behavior);
    const scope = refreshScope(credential, behavior);
    // A refresh answer has the new token of the same kind at the top, also where Slack nests the first one.
    const paths = behavior.token_path === undefined ? [undefined] : [behavior.token_path, undefined];
    try {
      const tokens = await sendAs(authentication, (addClientAuthentication) =>
        refreshAuthorization(provider.token_endpoint, {
          metadata: metadataOf(provider),
          clientInformation: { client_id: client.client_id },
          addClientAuthentication,
          refreshToken,
          ...(behavior.resource ? { resource } : {}),
          ...(scope === undefined ? {} : { scope }),
          fetchFn: tokenFetch(loopback, paths),
        }),
      );
      const unusable = unusableMember(tokens);
      if (unusable) return refuse('provider_unavailable', `${unusable} invalid`);
      return ok({ ...credential, ...tokensOf(tokens, credential) });
    } catch (error) {
      const judged = judgeFailure(error, client);
      if (!(error instanceof OAuthError)) return { ok: false, error: judged };
      const secrets = [refreshToken, credential.access_token, clientSecret ?? ''];
      const detail = describeError(String(error.code), error.message, secrets);
      return { ok: false, error: { ...judged, detail } };
    }
  },

  async revoke(credential, { loopback, clientSecret, requests }) {
    const { provider, client, refresh_token, access_token } = credential;
    if (provider.revocation_endpoint === undefined) return false;
    const token = refresh_token ?? access_token;
    const token_type_hint = refresh_token === undefined ? 'access_token' : 'refresh_token';
    const body = new URLSearchParams({ token, token_type_hint });
    const behavior = behaviorOf(requests, provider.token_endpoint);
    const endpoint = provider.revocation_endpoint;
    const send = providerFetch(loopback);
    try {
      // RFC 7009 section 2.1, which the SDK has no function for.
      return await sendAs(
        authenticationOf(client, clientSecret, provider, behavior),
        async (authenticate) => {
          const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' });
          authenticate(headers, body);
          const answer = await send(endpoint, { method: 'POST', headers, body });
          const error = answer.ok ? undefined : readTokenAnswer(await answer.text())?.error;
          if (error === 'invalid_client') throw new OAuthError(OAuthErrorCode.InvalidClient, 'at revocation');
          return answer.ok;
        },
      );
    } catch {
      return false;
    }
  },
};

/** What a code is exchanged with (RFC 6749 section 4.1.3, RFC 7636). */
export interface CodeExchange {
  /** The scope that was requested. */
  requested_scope: string | undefined;
  server: string;
  code: string;
  code_verifier: string;
  redirect_uri: string;
  resource: string;
  provider: TokenProvider;
  client: ProviderClient;
}

export type ExchangeRefusal =
  /** It answered with an OAuth error. */
  | 'provider_refused'
  /** It answered neither with usable tokens nor with an OAuth error. */
  | 'token_answer_invalid'
  | 'provider_unavailable'
  | 'client_rejected';

/** Exchanges a code for tokens. `clientSecret`: of a configured client, or the one it was registered with. */
export async function exchangeCode(
  exchange: CodeExchange,
  { loopback, clientSecret, requests }: ConnectorOptions,
): Promise<Result<OAuthCredential, Refusal<ExchangeRefusal>>> {
  const { server, code, code_verifier, redirect_uri, resource, provider, client, requested_scope } = exchange;
  const behavior = behaviorOf(requests, provider.token_endpoint);
  const authentication = authenticationOf(client, clientSecret, provider, behavior);
  try {
    const tokens = await sendAs(authentication, (addClientAuthentication) =>
      exchangeAuthorization(provider.token_endpoint, {
        metadata: metadataOf(provider),
        clientInformation: { client_id: client.client_id },
        addClientAuthentication,
        authorizationCode: code,
        codeVerifier: code_verifier,
        redirectUri: redirect_uri,
        ...(behavior.resource ? { resource } : {}),
        fetchFn: tokenFetch(loopback, [behavior.token_path]),
      }),
    );
    const unusable = unusableMember(tokens);
    if (unusable) return refuse('token_answer_invalid', `${unusable} invalid`);
    const credential = { auth: 'oauth', server, resource, provider, client, requested_scope } as const;
    return ok({ ...credential, ...tokensOf(tokens) });
  } catch (error) {
    const { reason, detail: judged } = judgeFailure(error, client);
    const detail =
      error instanceof OAuthError
        ? describeError(String(error.code), error.message, [code, code_verifier, clientSecret ?? ''])
        : judged;
    // There is no connection to lose yet: any answer without tokens is a refusal.
    if (error instanceof ProviderFetchError) return refuse('provider_unavailable', detail);
    if (!(error instanceof OAuthError)) return refuse('token_answer_invalid', detail);
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
  return BEARER_TYPES.has(token_type.toLowerCase()) ? undefined : 'token_type';
}

/** The scope of a refresh request, if the provider wants one (RFC 6749 section 6). */
function refreshScope(
  { requested_scope, scope }: OAuthCredential,
  { refresh_scope }: ProviderBehavior,
): string | undefined {
  if (typeof refresh_scope === 'string') return refresh_scope;
  return refresh_scope ? (requested_scope ?? scope) : undefined;
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
  if (code !== 'invalid_client') return { reason: 'provider_unavailable', detail: describeError(code) };
  if (kind !== 'configured') return { reason: 'client_rejected', detail: code };
  return { reason: 'provider_unavailable', detail: code, retry_after: 60, answered: true };
}

/** Characters of a provider's own error text that are kept. */
const LONGEST_ERROR = 200;

/**
 * A provider's error code and description for the log and the audit trail: cut, and without `secrets` or anything else
 * that looks like one.
 */
export function describeError(
  code: string,
  description?: string | null,
  secrets: readonly string[] = [],
): string {
  let text = description ? `${code}: ${description}` : code;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[secret]');
  // Anything long with a digit in it may be a secret that the provider repeats.
  return quotable(
    text.slice(0, 2000).replace(/(?=[A-Za-z_.~+/=-]*\d)[\w.~+/=-]{20,}/g, '[hidden]'),
    LONGEST_ERROR,
  );
}

/** The metadata that the SDK needs for token requests. */
function metadataOf({ token_endpoint }: TokenProvider): AuthorizationServerMetadata {
  return {
    issuer: token_endpoint,
    authorization_endpoint: token_endpoint,
    token_endpoint,
    response_types_supported: ['code'],
  };
}

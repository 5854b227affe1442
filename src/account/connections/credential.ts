import type { Refusal, Result } from '../../result';

/*
 * A principal's own credential for one server, and how one is asked for. What talks to providers is in a layer above
 * (`src/connections/`), and is given to the account as a {@link Connector}.
 */

/** What a connection holds. Secret: never logged, and stored encrypted only. */
export type UpstreamCredential = ApiKeyCredential | OAuthCredential;

/** A key that the user pasted, as typed. */
export interface ApiKeyCredential {
  auth: 'api_key';
  server: string;
  key: string;
}

/** Tokens of the server's own authorization server, and what is needed to renew and revoke them. */
export interface OAuthCredential {
  auth: 'oauth';
  server: string;
  access_token: string;
  refresh_token?: string | undefined;
  /** Seconds since the epoch; undefined: the provider didn't say. */
  expires_at?: number | undefined;
  /** As granted; undefined: the provider didn't say. */
  scope?: string | undefined;
  /** What the tokens are for (RFC 8707). */
  resource: string;
  provider: TokenProvider;
  client: ProviderClient;
}

/** Where tokens are renewed and revoked, as found when the connection was made. They are sent nowhere else. */
export interface TokenProvider {
  /** The issuer of the endpoints; null: they are in the settings; undefined: the connection is older than this field. */
  issuer?: string | null | undefined;
  token_endpoint: string;
  revocation_endpoint?: string | undefined;
  token_endpoint_auth_methods_supported?: string[] | undefined;
}

/** The gate as a client of that provider: from the settings, by its metadata document, or registered there. */
export interface ProviderClient {
  kind: 'configured' | 'document' | 'registered';
  client_id: string;
  /** Only of a registered client. A configured client's is a Worker secret. */
  client_secret?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
}

/** The client that the settings name for a server now. Undefined members are not in the settings. */
export interface ClientSetting {
  client_id: string | undefined;
  token_endpoint: string | undefined;
  /** The authorization servers that the server may have. */
  issuers: string[] | undefined;
}

/** A request for the credential for a server, as that server is in the settings now. */
export interface CredentialRequest {
  server: string;
  auth: UpstreamCredential['auth'];
  /** The server's URL. A credential that was obtained for another URL is not sent to it. */
  place: string;
  /** The header that an `api_key` goes into. */
  header: string;
  /** Origins on this computer that a provider may have. Only in local development. */
  loopback: string[];
  /** The client that the settings name for this server; undefined: none is known. */
  client?: ClientSetting;
  /** The id of a credential that the server has just refused. */
  refused?: string;
}

/**
 * A credential, ready to be sent. `id` names it when the server refuses it. `connection` stays the same when it is
 * renewed, and changes when the person connects again, since that may be another account.
 */
export interface IssuedCredential {
  id: string;
  connection: string;
  header: string;
  value: string;
}

/**
 * Why there is no credential. `not_connected`: there is no connection. `needs_reauthorization`: it has ended and the
 * person must connect again. `vault_unreadable`: the master key that encrypted it is gone. `provider_unavailable`: it
 * has expired and the provider can't be asked now; `retry_after` is in seconds.
 */
export type UpstreamCredentialRefusal =
  | 'not_connected'
  | 'needs_reauthorization'
  | 'vault_unreadable'
  | 'provider_unavailable';

/** The credential for a server, or why there is none. */
export type CredentialAnswer = Result<
  IssuedCredential,
  Refusal<UpstreamCredentialRefusal> & { retry_after?: number }
>;

/** Why a provider gave no new token. `refresh_rejected` and `client_rejected` are final. */
export type RefreshRefusal = 'refresh_rejected' | 'client_rejected' | 'provider_unavailable';

/** What talks to providers for an account. Neither method throws. */
export interface Connector {
  /**
   * Renews a credential with its refresh token (RFC 6749 section 6). What the provider doesn't send again stays as it
   * was. `answered`: the refusal is the provider's own answer, so nothing was rotated. `retry_after`: seconds.
   */
  refresh(
    credential: OAuthCredential,
    options: ConnectorOptions,
  ): Promise<Result<OAuthCredential, Refusal<RefreshRefusal> & { retry_after?: number; answered?: boolean }>>;
  /** Revokes the tokens at the provider (RFC 7009). False when it has no such endpoint, or failed. */
  revoke(credential: OAuthCredential, options: ConnectorOptions): Promise<boolean>;
}

export interface ConnectorOptions {
  /** Origins on this computer that the provider may have. */
  loopback: readonly string[];
  /** The client's secret, if it has one. */
  clientSecret: string | undefined;
}

/** A connection as its user sees it. Times are seconds since the epoch. */
export interface Connection {
  server: string;
  auth: UpstreamCredential['auth'];
  place: string;
  status: 'connected' | 'needs_reauthorization';
  /** Why it needs re-authorization. */
  reason: string | undefined;
  scope: string | undefined;
  connected_at: number;
  renewed_at: number;
  last_used_at: number | undefined;
  expires_at: number | undefined;
}

const UUID_LENGTH = 36;

/** A new credential id. It begins with the id of its connection: the given one, or a new one. */
export function credentialId(connection: string = crypto.randomUUID()): string {
  return `${connection}.${crypto.randomUUID()}`;
}

/** The connection that a credential belongs to, by the credential's id. */
export function connectionOf(id: string): string {
  return id.slice(0, UUID_LENGTH);
}

/** A credential in the form in which it is sent. */
export function issue(id: string, credential: UpstreamCredential, header: string): IssuedCredential {
  return { id, connection: connectionOf(id), ...headerValue(credential, header) };
}

/** The header and its value. A key without a scheme of its own gets `Bearer` where it goes into `Authorization`. */
export function headerValue(
  credential: UpstreamCredential,
  header: string,
): { header: string; value: string } {
  if (credential.auth === 'oauth') {
    return { header: 'Authorization', value: `Bearer ${credential.access_token}` };
  }
  const { key } = credential;
  const bare = header.toLowerCase() === 'authorization' && !/^[A-Za-z][\w-]* +\S/.test(key);
  return { header, value: bare ? `Bearer ${key}` : key };
}

/** In characters. No server accepts longer headers. */
const LONGEST_VALUE = 16_384;

/** Whether a text can be a header's value: visible ASCII (RFC 6750 section 2.1), single spaces between, at most 16 kB. */
export function isSendable(text: string): boolean {
  return text.length <= LONGEST_VALUE && /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text);
}

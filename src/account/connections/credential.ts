import type { Refusal, Result } from '../../result';

/*
 * A principal's own credential for one server, as the vault keeps it sealed, and the words in which it is asked
 * for. Whoever talks to providers is above this room (`connections/`), and handed in as a {@link Connector}.
 */

/** What a connection holds. Secret: never logged, stored sealed only. */
export type UpstreamCredential = ApiKeyCredential | OAuthCredential;

/** A key that the user pasted, as typed. */
export interface ApiKeyCredential {
  auth: 'api_key';
  server: string;
  key: string;
}

/** Tokens of the server's own authorization server, and what it takes to renew and revoke them. */
export interface OAuthCredential {
  auth: 'oauth';
  server: string;
  access_token: string;
  refresh_token?: string | undefined;
  /** Seconds since the epoch; undefined: the provider didn't tell. */
  expires_at?: number | undefined;
  /** As granted; undefined: the provider didn't tell. */
  scope?: string | undefined;
  /** As requested; undefined: none was, or the connection is older than this. */
  requested_scope?: string | undefined;
  /** What the tokens are for (RFC 8707). */
  resource: string;
  provider: TokenProvider;
  client: ProviderClient;
}

/** Where tokens are renewed and revoked, as found when the connection was made: nowhere else, ever. */
export interface TokenProvider {
  /** Whose the endpoints are; null: endpoints of the settings; undefined: the connection is older than this. */
  issuer?: string | null | undefined;
  token_endpoint: string;
  revocation_endpoint?: string | undefined;
  token_endpoint_auth_methods_supported?: string[] | undefined;
}

/** The gate as a client there. `kind`: named in the settings, by its metadata document, or registered. */
export interface ProviderClient {
  kind: 'configured' | 'document' | 'registered';
  client_id: string;
  /** Of a registered one; a configured one's stands in a Worker secret. */
  client_secret?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
}

/** The client that the settings name for a server now; undefined members: they don't say. */
export interface ClientSetting {
  client_id: string | undefined;
  token_endpoint: string | undefined;
  /** The authorization servers that may be the server's. */
  issuers: string[] | undefined;
  /** How to talk to its authorization server; undefined: nothing is set. */
  requests?: ProviderSettings;
}

/** What the settings of a server say about requests to its authorization server; undefined members: nothing. */
export interface ProviderSettings {
  /** Whether the settings name the endpoints. */
  fixed: boolean;
  /** Whether requests have a `resource` parameter (RFC 8707). */
  resource?: boolean | undefined;
  /** The scope of refresh requests (RFC 6749 section 6): `true` for the one that was requested, `false` for none. */
  refresh_scope?: boolean | string | undefined;
  /** More parameters of the authorization request. */
  authorize_parameters?: Record<string, string> | undefined;
  /** Where in a token answer the access token is, such as `authed_user.access_token`. */
  token_path?: string | undefined;
  /** What is between scopes in the authorization request. */
  scope_separator?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
}

/** Which server's credential is wanted, as the settings have that server now. */
export interface CredentialRequest {
  server: string;
  auth: UpstreamCredential['auth'];
  /** Where the server is: what was obtained for another place is not sent there. */
  place: string;
  /** The header that an `api_key` goes into. */
  header: string;
  /** Origins on this computer that a provider may have: in local development alone. */
  loopback: string[];
  /** The client that the settings name there; undefined: not known. */
  client?: ClientSetting;
  /** The id of a credential that the server has just refused. */
  refused?: string;
}

/**
 * A credential, ready to be sent. `id` names it when the server refuses it; `connection` stays the same while it is
 * renewed, and is another when the person connects again: perhaps as somebody else there.
 */
export interface IssuedCredential {
  id: string;
  connection: string;
  header: string;
  value: string;
}

/**
 * Why there is none: nothing was ever connected (or it was disconnected); what there is has ended and the person
 * must connect again; the master key that sealed it is gone; the provider can't be asked now (`retry_after`
 * seconds) and what is at hand has expired.
 */
export type UpstreamCredentialRefusal =
  | 'not_connected'
  | 'needs_reauthorization'
  | 'vault_unreadable'
  | 'provider_unavailable';

export type CredentialAnswer = Result<
  IssuedCredential,
  Refusal<UpstreamCredentialRefusal> & { retry_after?: number }
>;

/** Why a provider gave no new token; `refresh_rejected` and `client_rejected` are for good. */
export type RefreshRefusal = 'refresh_rejected' | 'client_rejected' | 'provider_unavailable';

/** What the object needs of whoever talks to providers. Neither method throws. */
export interface Connector {
  /**
   * New tokens for the refresh token of a credential (RFC 6749 section 6); what the provider doesn't send again
   * stays. `answered`: whether a refusal is the provider's own, so that it is known that nothing was rotated.
   */
  refresh(
    credential: OAuthCredential,
    options: ConnectorOptions,
  ): Promise<Result<OAuthCredential, Refusal<RefreshRefusal> & { retry_after?: number; answered?: boolean }>>;
  /** Ends the tokens at the provider (RFC 7009). False when it has no way, or didn't do it. */
  revoke(credential: OAuthCredential, options: ConnectorOptions): Promise<boolean>;
}

export interface ConnectorOptions {
  loopback: readonly string[];
  /** Of a configured client, if one is set. */
  clientSecret: string | undefined;
  /** What the settings say about requests now. */
  requests?: ProviderSettings | undefined;
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

/** The id of a credential: its connection's, a new one's if it comes of none, and its own. */
export function credentialId(connection: string = crypto.randomUUID()): string {
  return `${connection}.${crypto.randomUUID()}`;
}

/** The connection that a credential is of, by its id. */
export function connectionOf(id: string): string {
  return id.slice(0, UUID_LENGTH);
}

/** A credential as it leaves the vault. */
export function issue(id: string, credential: UpstreamCredential, header: string): IssuedCredential {
  return { id, connection: connectionOf(id), ...headerValue(credential, header) };
}

/** `Bearer` before a key that names no scheme of its own, where it goes into `Authorization`. */
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

/** Longer ones fit into no server's headers. */
const LONGEST_VALUE = 16_384;

/** Whether a text fits into a header: visible ASCII (RFC 6750 section 2.1), single spaces within, 16 kB at most. */
export function isSendable(text: string): boolean {
  return text.length <= LONGEST_VALUE && /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text);
}

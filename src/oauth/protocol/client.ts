/** How a client proves itself at the token endpoint (RFC 7591 section 2, OpenID Connect Core section 9). */
export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** RFC 8628, RFC 8693, RFC 7523. */
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** The grant types that a client can name for itself; others that it names are left out. */
export const GRANT_TYPES = [
  'authorization_code',
  'refresh_token',
  DEVICE_CODE,
  TOKEN_EXCHANGE,
  JWT_BEARER,
] as const;
/** Those that the library knows: it refuses a registration for any other. */
export const LIBRARY_GRANT_TYPES: readonly string[] = ['authorization_code', 'refresh_token'];

/** The JWS algorithms of client assertions, as the metadata advertises them: all asymmetric. */
export const ASSERTION_ALGORITHMS = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const;

/** The public keys that a `private_key_jwt` client signs with: either `jwks` or `jwks_uri` is there. */
export interface AssertionKeys {
  jwks?: { keys: JsonWebKey[] };
  jwks_uri?: string;
  algorithms: string[];
}

/**
 * An OAuth client, wherever its description came from: the settings (`configured`), dynamic registration
 * (`registered`) or the document at the URL that is its id (`document`).
 */
export interface Client {
  client_id: string;
  kind: 'configured' | 'registered' | 'document';
  /** What it calls itself. Proven by nothing; `domain` is. */
  name: string;
  /** May hold private-use URIs that are never redirected to: `matchRedirectUri` judges each request. */
  redirect_uris: string[];
  /** Every method that it may use. */
  auth_methods: ClientAuthMethod[];
  /** Redirects with one varying path segment, `{id}`. Only our own copies of known clients have them. */
  redirect_templates?: string[];
  grant_types: string[];
  response_types: string[];
  /** SHA-256 in hex. */
  secret_hash?: string;
  assertion_keys?: AssertionKeys;
  /** The most it gets; undefined: no limit of its own. */
  scope?: string[];
  /** The host that serves its document, and so vouches for it. Only of kind `document`. */
  domain?: string;
  /** Its home page; https. */
  uri?: string;
}

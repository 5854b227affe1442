/** How a client proves itself at the token endpoint (RFC 7591 section 2, OpenID Connect Core section 9). */
export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** The grant types that a client can have here; others that it names are left out. */
export const GRANT_TYPES = ['authorization_code', 'refresh_token'] as const;

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

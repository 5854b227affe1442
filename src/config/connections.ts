import { z } from 'zod';
import { httpUrl, issuerUrl } from './primitives';

/* The settings of servers where each user has an account of their own: `auth` = `oauth` or `api_key`. */

/** How the gate authenticates to a provider whose metadata doesn't say how (RFC 6749 section 2.3.1). */
const clientAuth = z.enum(['client_secret_basic', 'client_secret_post', 'none'], {
  error: 'must be client_secret_basic, client_secret_post, or none',
});

/** What the gate itself sets in an authorization request (RFC 6749 section 4.1.1, RFC 7636, RFC 8707). */
const OWN_PARAMETERS = [
  'response_type',
  'response_mode',
  'client_id',
  'redirect_uri',
  'state',
  'scope',
  'code_challenge',
  'code_challenge_method',
  'resource',
  'request',
  'request_uri',
];

const authorizeParameters = z
  .record(z.string().min(1), z.string(), {
    error: 'must be a table of texts, such as { prompt = "consent" }',
  })
  .superRefine((parameters, context) => {
    const own = Object.keys(parameters).filter((name) => OWN_PARAMETERS.includes(name));
    if (own.length > 0) context.addIssue(`must not have ${own.join(', ')}, which the gate sets itself`);
  });

export const connectionSettings = {
  /**
   * The scopes to request from the provider, separated by spaces; unset: those that the server names. Of a `passthrough`
   * server: what its metadata and challenge name.
   */
  scopes: z.string().min(1).optional(),
  /** The gate's own id at the provider; unset: its metadata document, or registration. */
  client_id: z.string().min(1).optional(),
  authorize_url: httpUrl.optional(),
  token_url: httpUrl.optional(),
  revoke_url: httpUrl.optional(),
  token_endpoint_auth_method: clientAuth.optional(),
  /** Whether requests have a `resource` parameter (RFC 8707); unset: if the endpoints are discovered. */
  resource: z.boolean({ error: 'must be true or false' }).optional(),
  /** The scope of refresh requests: `true` for the requested one, or these scopes; unset: none. */
  refresh_scope: z
    .union([z.boolean(), z.string().min(1)], { error: 'must be true, false, or scopes separated by spaces' })
    .optional(),
  /** More parameters of the authorization request. */
  authorize_parameters: authorizeParameters.optional(),
  /** Where in a token answer the access token is; the other members are read next to it. */
  token_path: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+)*$/, {
      error: 'must be names separated by dots, such as authed_user.access_token',
    })
    .optional(),
  /** What is between scopes in the authorization request. */
  scope_separator: z.enum([' ', ','], { error: 'must be " " or ","' }).optional(),
  /** Another issuer that the provider's metadata may name instead of the one that it was found by. */
  issuer_alias: issuerUrl.optional(),
} as const;

interface ConnectionServer {
  name: string;
  auth: string;
  url?: string | undefined;
  scopes?: string | undefined;
  authorization_servers?: string[] | undefined;
  client_id?: string | undefined;
  authorize_url?: string | undefined;
  token_url?: string | undefined;
  revoke_url?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
  resource?: boolean | undefined;
  refresh_scope?: boolean | string | undefined;
  authorize_parameters?: Record<string, string> | undefined;
  token_path?: string | undefined;
  scope_separator?: string | undefined;
  issuer_alias?: string | undefined;
  header: string;
}

const OAUTH_ONLY = [
  'scopes',
  'client_id',
  'authorize_url',
  'token_url',
  'revoke_url',
  'token_endpoint_auth_method',
  'resource',
  'refresh_scope',
  'authorize_parameters',
  'token_path',
  'scope_separator',
  'issuer_alias',
] as const;

function strayError(path: string): string {
  if (path !== 'scopes') return `${path} is only for auth oauth`;
  return 'scopes is only for auth oauth, or for auth passthrough with authorization_servers';
}

/** The contradictions in one server's settings: where each is, and what is required instead. */
export function connectionRules(server: ConnectionServer): { path: string; error: string }[] {
  if (server.name === 'callback' && (server.auth === 'oauth' || server.auth === 'api_key')) {
    return [
      {
        path: 'name',
        error: 'must be another name, because providers send browsers back to /connect/callback',
      },
    ];
  }
  if (server.auth !== 'oauth') {
    const mayHaveScopes = server.auth === 'passthrough' && server.authorization_servers !== undefined;
    const stray = OAUTH_ONLY.filter(
      (name) => server[name] !== undefined && !(name === 'scopes' && mayHaveScopes),
    );
    return stray.map((path) => ({ path, error: strayError(path) }));
  }
  const found: { path: string; error: string }[] = [];
  const fixed = server.authorize_url !== undefined || server.token_url !== undefined;
  if (fixed && server.authorize_url === undefined)
    found.push({ path: 'authorize_url', error: 'is required with token_url: set both or neither' });
  if (fixed && server.token_url === undefined)
    found.push({ path: 'token_url', error: 'is required with authorize_url: set both or neither' });
  if (fixed && server.client_id === undefined)
    found.push({
      path: 'client_id',
      error: 'is required with authorize_url and token_url',
    });
  if (!fixed && server.revoke_url !== undefined)
    found.push({
      path: 'revoke_url',
      error: 'revoke_url is only for a server with authorize_url and token_url',
    });
  if (fixed && server.issuer_alias !== undefined)
    found.push({
      path: 'issuer_alias',
      error:
        'is only for a server without authorize_url and token_url; authorization_servers names their issuer',
    });
  if (!fixed && server.url === undefined)
    found.push({
      path: 'url',
      error:
        'auth oauth without a url needs authorize_url, token_url, and client_id, because nothing can be discovered',
    });
  if (server.header.toLowerCase() !== 'authorization')
    found.push({
      path: 'header',
      error: 'header is only for auth static or api_key; an access token is sent in Authorization',
    });
  return found;
}

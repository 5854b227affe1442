import { z } from 'zod';
import { httpUrl } from './primitives';

/* The settings of servers where each user has an account of their own: `auth` = `oauth` or `api_key`. */

/** How the gate authenticates to a provider whose metadata doesn't say how (RFC 6749 section 2.3.1). */
const clientAuth = z.enum(['client_secret_basic', 'client_secret_post', 'none'], {
  error: 'must be client_secret_basic, client_secret_post, or none',
});

export const connectionSettings = {
  /** The scopes to request from the provider, separated by spaces; unset: those that the server names. */
  scopes: z.string().min(1).optional(),
  /** The gate's own id at the provider; unset: its metadata document, or registration. */
  client_id: z.string().min(1).optional(),
  authorize_url: httpUrl.optional(),
  token_url: httpUrl.optional(),
  revoke_url: httpUrl.optional(),
  token_endpoint_auth_method: clientAuth.optional(),
} as const;

interface ConnectionServer {
  name: string;
  auth: string;
  url?: string | undefined;
  scopes?: string | undefined;
  client_id?: string | undefined;
  authorize_url?: string | undefined;
  token_url?: string | undefined;
  revoke_url?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
  header: string;
}

const OAUTH_ONLY = [
  'scopes',
  'client_id',
  'authorize_url',
  'token_url',
  'revoke_url',
  'token_endpoint_auth_method',
] as const;

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
    const stray = OAUTH_ONLY.filter((name) => server[name] !== undefined);
    return stray.map((path) => ({ path, error: `${path} is only for auth oauth` }));
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

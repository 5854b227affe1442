import type { Context } from 'hono';
import type { IssuedTokens, IssuerConfig } from '../../account';
import type { Deployment } from '../../config';
import { resourcesOf } from '../../resource';
import { type Result, refuse } from '../../result';
import type { Client, ClientAuthMethod } from './client';
import type { EndpointRefusal } from './oauth-error';

/**
 * A token request whose client is authenticated, and its parameters without the client's credentials. `client`: undefined
 * if the request names none and its grant type needs none.
 */
export interface AuthenticatedRequest {
  client: Client | undefined;
  method: ClientAuthMethod;
  form: Record<string, string>;
}

/** The result of a token request. */
export type TokenResponse = Result<IssuedTokens, EndpointRefusal>;

/** Answers the token requests of one `grant_type`. */
export type GrantHandler = (c: Context, request: AuthenticatedRequest) => Promise<TokenResponse>;

/** Makes a handler for requests that need an authenticated client. Without one they are refused as `client_id_missing`. */
export function forClient(
  grant: (c: Context, request: AuthenticatedRequest & { client: Client }) => Promise<TokenResponse>,
): GrantHandler {
  return async (c, request) => {
    const { client } = request;
    return client ? grant(c, { ...request, client }) : refuse('client_id_missing');
  };
}

/** What an account needs to know of the deployment to issue tokens. */
export function issuerConfigOf(deployment: Deployment): IssuerConfig {
  const { tokens, signIn } = deployment.settings;
  const { origin, local } = deployment;
  return {
    origin,
    local,
    resources: resourcesOf(deployment).map(({ url }) => url),
    tokens,
    providers: signIn.oidc,
  };
}

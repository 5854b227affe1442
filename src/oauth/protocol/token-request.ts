import type { Context } from 'hono';
import type { IssuedTokens, IssuerConfig } from '../../account';
import type { Deployment } from '../../config';
import { resourcesOf } from '../../resource';
import { type Result, refuse } from '../../result';
import type { Client, ClientAuthMethod } from './client';
import type { EndpointRefusal } from './oauth-error';

/**
 * A token request whose client proved who it is, and its parameters without that proof. `client`: undefined
 * where the grant is proof enough and no client was named.
 */
export interface AuthenticatedRequest {
  client: Client | undefined;
  method: ClientAuthMethod;
  form: Record<string, string>;
}

/** What a token request comes to. */
export type TokenResponse = Result<IssuedTokens, EndpointRefusal>;

/** Answers the token requests of one `grant_type`. */
export type GrantHandler = (c: Context, request: AuthenticatedRequest) => Promise<TokenResponse>;

/** A grant that is worth nothing without a client that proved who it is. Refused as `client_id_missing`. */
export function forClient(
  grant: (c: Context, request: AuthenticatedRequest & { client: Client }) => Promise<TokenResponse>,
): GrantHandler {
  return async (c, request) => {
    const { client } = request;
    return client ? grant(c, { ...request, client }) : refuse('client_id_missing');
  };
}

/** What the account needs to know of the deployment to issue. */
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

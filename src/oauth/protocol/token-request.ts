import type { Context } from 'hono';
import type { IssuerConfig, TokenAnswer } from '../../account';
import type { Deployment } from '../../config';
import { resourcesOf } from '../../resource';
import type { Client, ClientAuthMethod } from './client';

/**
 * A token request whose client proved who it is, and its parameters without that proof. `client`: undefined
 * where the grant is proof enough and no client was named.
 */
export interface AuthenticatedRequest {
  client: Client | undefined;
  method: ClientAuthMethod;
  form: Record<string, string>;
}

/** Answers the token requests of one `grant_type`. */
export type GrantHandler = (c: Context, request: AuthenticatedRequest) => Promise<TokenAnswer>;

/** An error as the token endpoint answers it (RFC 6749 section 5.2); `reason` is for the log. */
export function oauthError(error: string, error_description: string, reason: string): TokenAnswer {
  return { status: 400, body: { error, error_description }, reason };
}

/** A grant that is worth nothing without a client that proved who it is. */
export function forClient(
  grant: (c: Context, request: AuthenticatedRequest & { client: Client }) => Promise<TokenAnswer>,
): GrantHandler {
  return async (c, request) => {
    const { client } = request;
    if (client) return grant(c, { ...request, client });
    return { ...oauthError('invalid_client', 'client_id is required', 'client_id_missing'), status: 401 };
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

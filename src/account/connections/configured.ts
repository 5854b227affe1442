import { sameIssuer } from '../../issuer';
import type { ClientSetting, OAuthCredential } from './credential';

/*
 * Credentials of a client that the operator registered by hand. Its secret stands beside the settings, and goes to
 * the authorization server that gave it and to no other.
 */

/**
 * Whether the settings name another client, or another authorization server, than those that a credential of a
 * configured client came from: then their secret isn't that client's. `configured`: undefined when the server is in
 * the settings no more, and nothing can be compared.
 */
export function isOfAnotherClient(
  { client, provider }: Pick<OAuthCredential, 'client' | 'provider'>,
  configured: ClientSetting | undefined,
): boolean {
  if (client.kind !== 'configured' || configured === undefined) return false;
  const { client_id, token_endpoint, issuers } = configured;
  if (client.client_id !== client_id) return true;
  if (token_endpoint !== undefined) return provider.token_endpoint !== token_endpoint;
  const { issuer } = provider;
  if (issuer === null) return true;
  return issuer !== undefined && issuers !== undefined && !issuers.some((one) => sameIssuer(one, issuer));
}
